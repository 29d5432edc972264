/* Keyboard shortcuts. They rest while somebody types, while a layer is open, and with Ctrl, Alt or Meta held. */
(() => {
  "use strict";

  let prefix = 0; // when "g" was pressed, in ms

  const typing = (element) => element?.closest?.("input, textarea, select, [contenteditable], .ts-wrapper");
  const visible = (element) => Boolean(element?.getClientRects().length);

  function help() {
    const content = document.getElementById("help-template").content.firstElementChild;
    window.vendimia.show("dialog", content.cloneNode(true));
  }

  function create() {
    const summary = document.querySelector("[data-create]");
    if (!visible(summary)) return document.querySelector("[data-new]")?.click();
    const menu = summary.closest("details");
    const items = menu.querySelectorAll("a.v-item");
    if (items.length === 1) return items[0].click();
    menu.open = true;
    items[0]?.focus();
  }

  const actions = {
    "/": () => window.vendimia.palette(),
    n: create,
    "?": help,
    e: () => document.querySelector("[data-edit-record]")?.click(),
    g: () => { prefix = Date.now(); },
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (typing(event.target) || window.vendimia.layerOpen()) return;
    if (Date.now() - prefix < 1500 && /^[1-9]$/.test(event.key)) {
      prefix = 0;
      return document.querySelectorAll("#nav > a:not(.v-nav-close)")[event.key - 1]?.click();
    }
    const action = Object.hasOwn(actions, event.key) && actions[event.key];
    if (!action) return;
    if (event.key !== "g") event.preventDefault();
    action();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-help]")) help();
  });
})();
