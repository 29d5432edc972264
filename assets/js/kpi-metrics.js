/* The form of a formula: a metric or a sign is put in where the cursor stands. Without script both are typed. */
(() => {
  "use strict";

  function put(text, part) {
    const field = part.querySelector("textarea");
    const [start, end] = [field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length];
    const before = field.value.slice(0, start).replace(/\s*$/, "");
    const after = field.value.slice(end).replace(/^\s*/, "");
    const lead = before && !before.endsWith("(") && text !== ")" ? " " : "";
    const trail = text === "(" || after.startsWith(")") ? "" : " ";
    field.value = `${before}${lead}${text}${trail}${after}`;
    const at = before.length + lead.length + text.length + trail.length;
    field.focus();
    field.setSelectionRange(at, at);
    field.dispatchEvent(new Event("formula:changed", { bubbles: false }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-formula-sign]");
    if (button) put(button.dataset.formulaSign, button.closest("[data-formula]"));
  });

  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.matches?.("[data-formula-pick]") && target.value) {
      put(target.value, target.closest("[data-formula]"));
      if (target.tomselect) target.tomselect.clear(true);
      else target.value = "";
    }
    // Another unit is another question.
    const form = target.closest?.(".k-metric-form");
    if (form && target.name === "unit") form.querySelector("textarea[name=formula]")?.dispatchEvent(new Event("formula:changed"));
  });

  const unhide = (root) => root.querySelectorAll?.(".k-signs[hidden]").forEach((signs) => { signs.hidden = false; });
  document.addEventListener("htmx:after:process", (event) => unhide(event.target));
  unhide(document);
})();
