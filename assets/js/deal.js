/* The page of a deal: tabs say which one is open, and what is edited in place shows in the head, the stage bar, the
   other facts and the history as well. */
(() => {
  "use strict";

  const record = () => document.getElementById("record");
  const tab = () => document.querySelector("#deal-tabs [aria-current]")?.dataset.tab;

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    const chosen = ctx.sourceElement?.closest?.("#deal-tabs [data-tab]");
    for (const each of chosen ? document.querySelectorAll("#deal-tabs [data-tab]") : []) {
      if (each === chosen) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    const { method, action } = ctx.request || {};
    if (method === "POST" && action.includes("/fields/") && ctx.response.status === 200 && record()) refresh();
  });

  function refresh() {
    const parts = [];
    if (!record().querySelector("form[data-edit-form]")) parts.push("#deal-facts:outerMorph");
    if (tab() === "history") parts.push("#tab:outerMorph");
    const head = document.getElementById("deal-head");
    const into = { source: head, target: head, select: "#deal-head", swap: "outerMorph", selectOOB: parts.join(",") };
    window.htmx.ajax("GET", record().dataset.url, into);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "u" || event.ctrlKey || event.altKey || event.metaKey || window.vendimia.layerOpen()) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    [...document.querySelectorAll("#toasts form[data-undo]")].at(-1)?.requestSubmit();
  });
})();
