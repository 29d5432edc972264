/* My day: the small form of a deal opens below its row; when a row has been worked and leaves, the focus goes to the one
   that takes its place, and how many are left is said. */
(() => {
  "use strict";

  const section = (element) => element?.closest?.("[data-day-section]");
  const texts = () => document.getElementById("day-texts")?.dataset;

  /* ---------- The small form of a deal ---------- */

  function shut(slot, focus) {
    slot.replaceChildren();
    if (focus) slot.closest("[data-row]").querySelector("[data-row-link]").focus();
  }

  function shutOthers(slot) {
    for (const each of document.querySelectorAll(".day-edit")) if (each !== slot && each.firstElementChild) shut(each, false);
  }

  /* Captured before htmx sees it: cancelling asks the server for nothing, as the row is still there. */
  document.addEventListener("click", (event) => {
    const cancel = event.target.closest?.(".day-edit [data-cancel]");
    if (!cancel) return;
    event.preventDefault();
    event.stopPropagation();
    shut(cancel.closest(".day-edit"), true);
  }, true);

  document.addEventListener("keydown", (event) => {
    const slot = event.key === "Escape" && !window.vendimia.layerOpen() && event.target.closest?.(".day-edit");
    if (!slot || document.querySelector(".ts-wrapper.dropdown-active")) return;
    event.preventDefault();
    shut(slot, true);
  });

  document.addEventListener("htmx:before:request", (event) => {
    const { target } = event.detail.ctx;
    if (target?.matches?.(".day-edit")) shutOthers(target);
  });

  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    const slot = sourceElement?.matches?.("form") && sourceElement.closest(".day-edit");
    if (slot && response?.status === 200) shut(slot, true);
  });

  /* ---------- Where the focus goes ---------- */

  let place = null; // section and index of the row that was worked last

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("[data-day-section] [data-row]");
    if (row) place = { id: section(row).id, at: [...row.parentElement.children].indexOf(row) };
    else if (event.target.closest?.("main") && event.target.id !== "main") place = null;
  });

  let before = 0;

  document.addEventListener("htmx:before:swap", (event) => {
    const found = event.detail.ctx?.sourceElement;
    if (found?.matches?.("[data-day-section]") && found.id === place?.id) before = Number(found.dataset.count);
  });

  document.addEventListener("htmx:finally:swap", (event) => {
    const found = event.detail.ctx?.sourceElement;
    if (!place || found?.id !== place.id || window.vendimia.layerOpen()) return;
    const now = document.getElementById(place.id);
    const lost = document.activeElement === document.body || document.activeElement?.id === "main";
    const rows = [...now.querySelectorAll("[data-row]")];
    if (Number(now.dataset.count) !== before) tell(now);
    if (!lost) return;
    const next = rows[Math.min(place.at, rows.length - 1)] || document.querySelector("#day [data-row]");
    (next?.querySelector("[data-row-link]") || document.getElementById("main"))?.focus();
  });

  function tell(now) {
    const sentence = Number(now.dataset.count) ? texts()?.left : texts()?.empty;
    const values = { n: now.dataset.count, section: now.querySelector("h2").textContent.trim() };
    if (sentence) window.vendimia.announce(sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? ""));
  }
})();
