/* The record page: tabs say which one is open, and what is edited in place is mirrored in the head and the history. */
(() => {
  "use strict";

  const tabs = () => [...document.querySelectorAll("#record-tabs [data-tab]")];

  function mark(tab) {
    for (const each of tabs()) {
      if (each === tab) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
  }

  document.addEventListener("htmx:after:swap", (event) => {
    const { sourceElement } = event.detail.ctx;
    if (sourceElement?.matches?.("#record-tabs [data-tab]")) mark(sourceElement);
  });

  /* A fact was saved: its form has been replaced by the value. */
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement?.matches?.("form[data-edit-form]") || ctx.response.status !== 200) return;
    const name = ctx.sourceElement.closest("[id^='fact-']")?.id.slice("fact-".length);
    if (name) document.addEventListener("htmx:finally:swap", () => mirror(name), { once: true });
  });

  function mirror(name) {
    const value = document.querySelector(`#fact-${CSS.escape(name)} dd`);
    if (!value || value.querySelector("form")) return;
    for (const place of document.querySelectorAll(`[data-mirror="${CSS.escape(name)}"]`)) {
      const copy = value.cloneNode(true);
      copy.querySelectorAll(".v-fact-edit").forEach((each) => each.remove());
      if (place.tagName === "H1") place.textContent = copy.textContent.trim();
      else place.replaceChildren(...copy.childNodes);
    }
    const open = tabs().find((each) => each.hasAttribute("aria-current"));
    if (open) window.htmx.ajax("GET", open.href, { target: "#tab" });
  }
})();
