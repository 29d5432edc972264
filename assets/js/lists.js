/* Lists: columns are put in order and sent as one argument; groups open and close without leaving the page.
   Without script the same buttons and links ask the server. */
(() => {
  "use strict";

  /* ---------- Columns ---------- */

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    const row = button?.closest("[data-column]");
    if (!row) return;
    event.preventDefault();
    const beside = button.dataset.move === "1" ? row.nextElementSibling : row.previousElementSibling;
    if (!beside) return;
    if (button.dataset.move === "1") beside.after(row);
    else beside.before(row);
    button.focus();
    button.scrollIntoView({ block: "nearest" });
    const place = [...row.parentElement.children].indexOf(row) + 1;
    window.vendimia.announce(`${row.querySelector("label").textContent.trim()}: ${place}`);
  });

  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    if (!request.form?.matches?.(".v-columns")) return;
    const names = request.body.getAll("columns");
    request.body.delete("columns");
    if (names.length) request.body.set("columns", names.join(","));
  });

  /* ---------- Groups ---------- */

  /* Captured before htmx sees the click: what is here already is only shown or hidden. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-group]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const rows = document.getElementById(link.dataset.group);
    const open = link.getAttribute("aria-expanded") === "true";
    link.setAttribute("aria-expanded", String(!open));
    link.closest("tbody").classList.toggle("is-open", !open);
    rows.hidden = open;
    if (!rows.children.length && !open) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  /* Rows that could not be fetched leave the group closed. */
  document.addEventListener("htmx:response:error", (event) => {
    const link = event.detail.ctx.sourceElement;
    if (!link?.matches?.("a[data-group]")) return;
    link.setAttribute("aria-expanded", "false");
    link.closest("tbody").classList.remove("is-open");
  });
})();
