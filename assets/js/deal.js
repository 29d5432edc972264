/* The page of a deal: a fact that was edited in place also changes the head, the stage bar and the history. */
(() => {
  "use strict";

  const record = () => document.getElementById("record");

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    const { method, action } = ctx.request || {};
    if (method !== "POST" || !action.includes("/fields/") || ctx.response.status !== 200 || !record()) return;
    window.htmx.ajax("GET", record().dataset.url, { source: record(), target: record(), swap: "outerMorph" });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "u" || event.ctrlKey || event.altKey || event.metaKey || window.vendimia.layerOpen()) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    [...document.querySelectorAll("#toasts form[data-undo]")].at(-1)?.requestSubmit();
  });
})();
