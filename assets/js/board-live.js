/* The pipeline board, continued: the menu of a card, the small forms on the board, undo by key, keeping up to date
   with what others do, and the stage chips of a phone. */
(() => {
  "use strict";

  const { $, $$, board, cardOf, columnOf, columns, mayMove, say, move, close, focus, rove, arm, generation, inTheAir } =
    window.vendimia.board;
  const POLL = 4000; // ms; another person's move is seen within five seconds
  const PAGE = 20; // cards a column shows before "load more"

  /* ---------- Menu of a card: one for the whole board ---------- */

  const menu = () => document.getElementById("card-menu");
  const menuOpen = () => Boolean(menu()?.matches(":popover-open"));
  let chosen = null; // id of the deal whose menu is open

  function openMenu(card) {
    chosen = card.dataset.id;
    const stage = columnOf(card).dataset.stage;
    for (const item of $$("[data-stage]", menu())) item.disabled = item.dataset.stage === stage;
    $("[data-act=open]", menu()).href = $(".v-card-name", card).href;
    menu().showPopover();
    const at = $(".v-card-more", card).getBoundingClientRect();
    const box = menu().getBoundingClientRect();
    menu().style.left = `${Math.max(8, Math.min(at.right - box.width, innerWidth - box.width - 8))}px`;
    menu().style.top = `${Math.max(8, Math.min(at.bottom + 4, innerHeight - box.height - 8))}px`;
    items()[0].focus();
  }

  const items = () => $$("[role=menuitem]:not(:disabled)", menu());

  function choose(item) {
    const card = cardOf(chosen);
    menu().hidePopover();
    if (!card) return;
    focus(card);
    if (item.dataset.act === "edit") edit(card, "amount");
    else if (item.dataset.act === "log") log(card, item.dataset.url);
    else if (item.hasAttribute("data-closing")) close(card, item.dataset.stage);
    else if (item.dataset.stage) {
      move(card, document.getElementById(`col-${item.dataset.stage}`));
      focus(card);
    }
  }

  /* ---------- Small forms: on a card, and for a new deal in a column ---------- */

  function edit(card, field) {
    const url = `${board().dataset.deals}${card.dataset.id}/card?focus=${field}`;
    window.htmx.ajax("GET", url, { source: $(".v-card-name", card), target: card, swap: "outerHTML" });
  }

  function log(card, address) {
    const url = `${address}?deal_id=${card.dataset.id}`;
    window.htmx.ajax("GET", url, { source: $(".v-card-name", card), target: "#dialog", swap: "innerHTML" });
  }

  function shut(form) {
    const card = form.closest(".v-card");
    if (card) return $("[data-cancel]", form).click();
    const opener = $(".v-col-name a", form.closest(".v-col"));
    form.parentElement.replaceChildren();
    opener?.focus();
  }

  function undo() {
    $$("#toasts form[data-undo]").at(-1)?.requestSubmit();
  }

  document.addEventListener("keydown", (event) => {
    if (!board() || event.ctrlKey || event.metaKey || event.altKey || window.vendimia.layerOpen()) return;
    const form = event.target.closest?.("#board .v-card form, #board .v-quick");
    if (event.key === "Escape" && form) {
      event.preventDefault();
      return shut(form);
    }
    if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
    if (menuOpen()) return inMenu(event);
    if (event.key === "u") return undo();
    const card = event.target.closest?.("#board .v-card:not(.is-edit)");
    if (!card || !mayMove()) return;
    if (event.key === "e") edit(card, "amount");
    else if (event.key === "m") openMenu(card);
    else return;
    event.preventDefault();
  });

  function inMenu(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const all = items();
    all.at((all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)) % all.length).focus();
    event.preventDefault();
  }

  document.addEventListener("click", (event) => {
    if (!board() || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { target } = event;
    const card = target.closest("#board .v-card");
    const item = target.closest("#card-menu [role=menuitem]");
    if (item) {
      if (item.dataset.act !== "open") choose(item);
    } else if (card && target.closest("[data-menu]")) {
      event.preventDefault();
      openMenu(card);
    } else if (card && target.closest("[data-edit-card]")) {
      event.preventDefault();
      edit(card, target.closest("[data-edit-card]").dataset.editCard);
    } else if (target.closest("#board .v-quick [data-cancel]")) {
      event.preventDefault();
      shut(target.closest("form"));
    }
  });

  document.addEventListener("toggle", (event) => {
    const card = event.target.id === "card-menu" && event.newState === "closed" && cardOf(chosen);
    if (card && (document.activeElement === document.body || menu().contains(document.activeElement))) focus(card);
  }, true);

  /* ---------- Up to date ---------- */

  /* How many cards the columns show beyond the first page, so that an answer shows as many: "3:40,7:60". */
  function shown() {
    return columns().map((column) => [column.dataset.stage, $$(".v-card", column).length])
      .filter(([, count]) => count > PAGE).map((pair) => pair.join(":")).join(",");
  }

  const changed = (field) => (field.tagName === "SELECT"
    ? [...field.options].some((option) => option.selected !== option.defaultSelected)
    : field.type !== "hidden" && field.value !== field.defaultValue);

  /* Whether a fresh board would get in the way of what the person is doing. */
  function occupied() {
    const forms = $$("#board .v-card form, #board .v-quick");
    return document.hidden || inTheAir() || menuOpen() || Boolean(window.vendimia.layerOpen())
      || Boolean($("#board details[open]")) || Boolean($("#board-filters :focus:is(input, select)"))
      || forms.some((form) => form.contains(document.activeElement) || $$("input, select", form).some(changed));
  }

  function poll() {
    if (board() && !occupied()) window.htmx.trigger(board(), "board:refresh");
  }

  setInterval(poll, POLL);
  document.addEventListener("visibilitychange", poll);

  const byPoll = (ctx) => ctx.sourceElement === board();

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (!board()) return;
    if (byPoll(ctx)) {
      // The stamp is that of the board on the screen, so an answer that was not shown is asked for again.
      ctx.request.headers["HX-PTag"] = board().dataset.stamp;
      ctx.generation = generation();
    }
    const more = shown();
    if (more && (byPoll(ctx) || ctx.request.method !== "GET")) ctx.request.body.set("shown", more);
  });

  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (byPoll(ctx) && (ctx.generation !== generation() || occupied())) event.preventDefault();
  });

  /* ---------- After a swap ---------- */

  let editing = null; // id of the card that had the form
  const greeted = new WeakSet(); // fields that had the cursor when they arrived

  document.addEventListener("htmx:after:swap", () => {
    if (!board()) return;
    arm();
    rove();
    follow();
    const form = $("#board .v-card.is-edit");
    if (form) editing = form.id;
    else if (editing) {
      const card = document.getElementById(editing);
      editing = null;
      if (card && document.activeElement === document.body) focus(card);
    }
    for (const field of $$("#board form :is([aria-invalid=true], [data-autofocus])")) {
      if (greeted.has(field)) continue;
      greeted.add(field);
      field.focus();
      if (field.type !== "date") field.select?.();
      break;
    }
  });

  /* A card waits, dimmed, while the dialog that closes it is open. */
  new MutationObserver(() => {
    if (!window.vendimia.layerOpen()) for (const card of $$(".v-card.is-waiting")) card.classList.remove("is-waiting");
  }).observe(document.getElementById("dialog"), { childList: true });

  /* ---------- Phones: the chips follow the column in view ---------- */

  const followed = new WeakSet();

  function follow() {
    const wide = document.getElementById("columns");
    if (!wide || followed.has(wide)) return;
    followed.add(wide);
    wide.addEventListener("scroll", () => requestAnimationFrame(() => current(wide)), { passive: true });
  }

  function current(wide) {
    const { left } = wide.getBoundingClientRect();
    const distance = (column) => Math.abs(column.getBoundingClientRect().left - left - 16);
    const nearest = columns().reduce((best, column) => (distance(column) < distance(best) ? column : best));
    for (const chip of $$(".v-steps a")) {
      if (chip.hash !== `#${nearest.id}`) chip.removeAttribute("aria-current");
      else if (!chip.hasAttribute("aria-current")) {
        chip.setAttribute("aria-current", "true");
        chip.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    }
  }

  document.addEventListener("click", (event) => {
    const chip = event.target.closest(".v-steps a");
    if (!chip) return;
    event.preventDefault();
    $(chip.hash).scrollIntoView({ block: "nearest", inline: "start" });
  });

  follow();
})();
