/* Lists: ticking rows. Space or x ticks the row that has the focus, Shift+click ticks up to it, Escape chooses none. The
   bar (core/_mass.html) shows itself by CSS; what it does, its buttons say. */
(() => {
  "use strict";

  let last = null; // the row ticked last, from which Shift+click goes on

  const ticks = () => [...document.querySelectorAll(".v-rows [data-tick]")];
  const bar = () => document.querySelector("[data-mass]");
  const row = (element) => element?.closest?.(".v-rows tbody tr");
  const typing = (element) => element?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], .ts-wrapper");

  /* Everything that shows what is chosen follows from the ticks themselves. */
  function show() {
    const all = ticks();
    const chosen = all.filter((each) => each.checked);
    const whole = bar()?.querySelector("[data-tick-all]")?.checked;
    for (const each of all) each.closest("tr").classList.toggle("is-sel", each.checked);
    for (const page of document.querySelectorAll("[data-tick-page]")) {
      page.checked = all.length > 0 && chosen.length === all.length;
      page.indeterminate = chosen.length > 0 && !page.checked;
    }
    const count = bar()?.querySelector("[data-mass-count]");
    if (!count) return;
    offerMerge(chosen);
    const total = document.querySelector(".v-pager [hx-get]")?.firstChild?.textContent.trim();
    const place = bar().querySelector("[data-mass-total]");
    if (place) place.textContent = total ? `(${total})` : "";
    count.textContent = whole ? "" : count.dataset.massCount.replace("{}", String(chosen.length));
    bar().classList.toggle("is-whole", chosen.length === all.length);
  }

  /* A few rows can be merged: the link names them. */
  function offerMerge(chosen) {
    const link = bar().querySelector("[data-mass-merge]");
    if (!link) return;
    link.hidden = chosen.length < 2 || chosen.length > Number(link.dataset.massMerge);
    link.search = `?ids=${chosen.map((each) => each.value).join(",")}`;
  }

  function choose(boxes, on) {
    for (const each of boxes) each.checked = on;
    if (!on) clearWhole();
    show();
  }

  function clearWhole() {
    const whole = bar()?.querySelector("[data-tick-all]");
    if (whole) whole.checked = false;
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-page]")) return choose(ticks(), event.target.checked);
    if (!event.target.matches("[data-tick], [data-tick-all]")) return;
    if (event.target.matches("[data-tick]") && !event.target.checked) clearWhole();
    if (event.target.matches("[data-tick-all]") && event.target.checked) return choose(ticks(), true);
    show();
  });

  document.addEventListener("click", (event) => {
    const cell = event.target.closest?.(".v-rows td.v-tick");
    if (cell && event.target === cell) return cell.querySelector("[data-tick]").click(); // the whole cell is the target
    if (!event.target.matches?.("[data-tick]")) return;
    const all = ticks();
    const from = all.indexOf(last);
    const to = all.indexOf(event.target);
    if (event.shiftKey && from >= 0) choose(all.slice(Math.min(from, to), Math.max(from, to) + 1), event.target.checked);
    last = event.target;
  });

  document.addEventListener("reset", (event) => {
    if (!event.target.matches("[data-mass]")) return;
    const focused = bar().contains(document.activeElement);
    requestAnimationFrame(() => {
      show();
      if (focused) document.querySelector(".v-table-wrap")?.focus({ preventScroll: true });
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (typing(event.target) || window.vendimia.layerOpen()) return;
    if (event.key === "Escape" && ticks().some((each) => each.checked)) {
      event.preventDefault();
      choose(ticks(), false);
    } else if (event.key === "x" || event.key === " ") {
      const box = row(document.activeElement)?.querySelector("[data-tick]");
      if (!box || (event.key === " " && document.activeElement === box)) return;
      event.preventDefault();
      box.click();
    }
  });

  /* A file is no fragment: the browser fetches it itself, and the form can be used again at once. */
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-mass-export]");
    if (!button) return;
    event.preventDefault();
    const form = button.form;
    const action = form.action;
    form.action = button.formAction;
    HTMLFormElement.prototype.submit.call(form);
    form.action = action;
  });

  document.addEventListener("htmx:after:process", show);
  window.addEventListener("pageshow", show); // "back" brings ticks back without an event
  show();
})();
