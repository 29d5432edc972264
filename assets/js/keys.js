/* Keyboard shortcuts. They rest while somebody types, while a layer is open, and with Ctrl, Alt or Meta held.
   "Selected" is what has the focus: a row of a list, of a day or of an agenda, a card; on the page of a record it is that
   record. j and k move the focus itself, so that a screen reader follows. */
(() => {
  "use strict";

  const ROWS = "[data-row], .v-rows tbody tr, #board .v-card";
  const LINK = "[data-row-link], .v-main-cell a, .v-card-name";
  let prefix = 0; // when "g" was pressed, in ms

  const typing = (element) => element?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], .ts-wrapper");
  const visible = (element) => Boolean(element?.getClientRects().length);
  const linkOf = (row) => (row.matches("[data-row-link]") ? row : row.querySelector(LINK) || row.querySelector("a[href]"));

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

  /* ---------- The selected row ---------- */

  const selected = () => document.activeElement?.closest?.(ROWS) || null;

  /* On the board j and k stay in the column. */
  function rows(current) {
    const column = current?.closest(".v-cards") || document.querySelector("#board .v-cards:has(.v-card)");
    const all = column ? column.querySelectorAll(".v-card") : document.querySelectorAll(ROWS);
    return [...all].filter(visible);
  }

  function step(by) {
    const current = selected();
    const all = rows(current);
    const at = all.indexOf(current);
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    if (!next) return;
    if (next.matches(".v-card") && window.vendimia.board) window.vendimia.board.focus(next);
    else linkOf(next)?.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  /* Address of what is selected, or of the record whose page is open. */
  function address() {
    const row = selected();
    if (row) return new URL(linkOf(row)?.href || location.href);
    const page = document.querySelector("#record");
    return page ? new URL(page.dataset.url || location.href, location.href) : null;
  }

  /* The CRM of this company, where it is on and the person may use it: ".../crm/". */
  const crm = () => document.querySelector("#nav a[href$='/crm/day']")?.href.replace(/day$/, "");

  function open(url, target) {
    const source = document.activeElement.closest("a, [tabindex]") || document.getElementById("main");
    window.htmx.ajax("GET", url, { source, target, swap: "innerHTML" });
  }

  /* What the selected row has a button for is done by that button; without a row it may be one of the record's page. */
  function press(selector, onPage = true) {
    const row = selected();
    const button = row ? row.querySelector(selector) : onPage && document.querySelector(`#record ${selector}`);
    button?.click();
    return Boolean(button);
  }

  function end(kind) {
    const card = selected()?.closest("#board .v-card");
    if (card) {
      const closer = document.querySelector(`#drops .v-closer-${kind}`);
      if (closer) window.vendimia.board.close(card, closer.dataset.stage);
      return;
    }
    if (press(`[data-close-${kind}]`)) return;
    const deal = address()?.pathname.match(/^(.*\/crm\/deals\/[1-9]\d*)(\/|$)/);
    if (deal) open(`${deal[1]}/end?as=${kind}`, "#dialog");
  }

  const LOGGED = { "crm/deals": "deal_id", "contacts/accounts": "account_id", "contacts/contacts": "contact_id", "crm/leads": "lead_id" };

  function log() {
    if (press("[data-log]") || press("[data-complete]", false) || !crm()) return;
    const card = selected()?.closest("#board .v-card");
    const found = address()?.pathname.match(/\/((?:crm|contacts)\/[a-z]+)\/([1-9]\d*)(?:\/|$)/);
    const name = card ? "deal_id" : LOGGED[found?.[1]];
    if (name) open(`${crm()}activities/log?${name}=${card ? card.dataset.id : found[2]}`, "#dialog");
    else if (!found) open(`${crm()}activities/log`, "#dialog");
  }

  function edit() {
    if (selected()?.matches("#board .v-card")) return; // the board opens its own editor
    if (press("[data-edit]", false)) return;
    const event = selected()?.dataset.event;
    if (event) return open(`${linkOf(selected()).href}/edit?stay=1`, "#drawer");
    const row = selected()?.closest(".v-rows tbody tr");
    if (row && linkOf(row)) return open(`${linkOf(row).href}/edit`, "#drawer");
    document.querySelector("[data-edit-record]")?.click();
  }

  function complete() {
    if (press("[data-complete]")) return;
    const activity = address()?.pathname.match(/^(.*\/crm\/activities\/[1-9]\d*)(\/|$)/);
    if (activity) open(`${activity[1]}/complete`, "#dialog");
  }

  const actions = {
    "/": () => window.vendimia.palette(),
    n: create,
    "?": help,
    e: edit,
    j: () => step(1),
    k: () => step(-1),
    w: () => end("won"),
    l: () => end("lost"),
    a: log,
    c: complete,
    g: () => { prefix = Date.now(); },
  };

  document.addEventListener("keydown", (event) => {
    const held = event.repeat && !["j", "k"].includes(event.key);
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || held) return;
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

  /* A deal was won, lost or changed from a list, which has no part of its own for that: the list is asked for again. */
  document.addEventListener("deals:changed", () => {
    const list = document.getElementById("list");
    if (list && /\/crm\/deals$/.test(location.pathname)) {
      window.htmx.ajax("GET", location.href, { source: list, target: list, swap: "outerHTML" });
    }
  });
})();
