/* The pipeline board: moving cards by mouse, held finger and keyboard, the menu of a card, and keeping up to date.
   The server decides: a move is shown at once, sent with the card's version, and taken back when it is refused.
   All listeners are delegated, so fragments that htmx swaps in need no set-up; only Sortable is told of new columns. */
(() => {
  "use strict";

  const POLL = 4000;
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const board = () => document.getElementById("board");
  const mayMove = () => board()?.hasAttribute("data-may-move");
  const texts = () => document.getElementById("board-texts").dataset;

  /* ---------- Saying what happens ---------- */

  function say(key, values = {}) {
    const sentence = texts()[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
    const place = document.getElementById("announce");
    if (place) place.textContent = sentence;
    return sentence;
  }

  const nameOf = (card) => $(".v-card-name", card).textContent.trim();
  const columnOf = (card) => card.closest(".v-col");
  const columns = () => $$(".v-col", board());
  const drops = () => document.getElementById("drops");
  const isCard = (element) => element?.matches?.(".v-card:not(.is-edit)");

  /* ---------- One way to move a card ---------- */

  let queue = Promise.resolve(); // moves go one after the other, so the sums that come back are in order
  let moving = 0;
  let generation = 0; // a poll answered from before a move must not undo it on the screen
  const origins = new Map(); // deal id -> where the card stood before a closing dialog or a carry

  function remember(card) {
    const next = card.nextElementSibling;
    origins.set(card.dataset.id, { list: card.parentElement, next });
  }

  function putBack(id) {
    const origin = origins.get(id);
    const card = document.getElementById(`deal-${id}`);
    origins.delete(id);
    if (!origin || !card) return;
    card.classList.remove("is-busy", "is-carried");
    const list = origin.list.isConnected ? origin.list : document.getElementById(origin.list.id);
    const next = origin.next?.parentElement === list ? origin.next : null;
    if (list) list.insertBefore(card, next || $(".v-more", list));
  }

  function place(card, column) {
    const list = $(".v-cards", column);
    if (card.parentElement !== list || list.firstElementChild !== card) list.prepend(card);
  }

  /* Puts the card on top of the column and tells the server; on refusal the card goes back. */
  function move(card, column) {
    const id = card.dataset.id;
    if (!origins.has(id)) remember(card);
    const origin = origins.get(id);
    const from = origin.list.closest(".v-col");
    if (from === column) return putBack(id);
    generation += 1;
    moving += 1;
    place(card, column);
    card.classList.add("is-busy");
    const words = { card: nameOf(card), stage: column.dataset.name };
    queue = queue.then(() => send(id, card.dataset.version, column.dataset.stage)).then((status) => {
      moving -= 1;
      const current = document.getElementById(`deal-${id}`);
      current?.classList.remove("is-busy");
      if (status === 200) {
        origins.delete(id);
        say("dropped", words);
      } else if (status === 409) {
        origins.delete(id); // the answer carried the board as it is now
      } else {
        putBack(id);
        const message = say(status ? "back" : "failed", { card: words.card, stage: from.dataset.name });
        if (!status) complain(message);
      }
      rove(current);
    });
  }

  async function send(id, version, stage) {
    let status = 0;
    const fetch = async (...request) => {
      const response = await window.fetch(...request);
      status = response.status;
      return response;
    };
    const values = { version, stage_id: stage };
    await htmx.ajax("POST", `${board().dataset.deals}${id}/move`, { source: "#mover", swap: "none", values, fetch });
    return status;
  }

  /* A closing stage wants an amount or a reason first: the card waits, dimmed, while the dialog asks. */
  function close(card, stage) {
    const id = card.dataset.id;
    putBack(id);
    card.classList.add("is-busy");
    htmx.ajax("GET", `${board().dataset.deals}${id}/close/${stage}`, { target: "#dialog", swap: "innerHTML" });
  }

  function complain(sentence) {
    const toast = document.createElement("div");
    toast.className = "v-toast is-bad";
    toast.setAttribute("role", "alert");
    const text = toast.appendChild(document.createElement("span"));
    text.textContent = sentence;
    const button = toast.appendChild(document.createElement("button"));
    button.type = "button";
    button.className = "v-x";
    button.dataset.dismiss = "toast";
    button.setAttribute("aria-label", texts().close);
    button.textContent = "×";
    button.addEventListener("click", () => toast.remove());
    document.getElementById("toasts")?.append(toast);
  }

  function drop(card, target) {
    if (target.hasAttribute("data-close")) close(card, target.dataset.stage);
    else move(card, target);
  }

  /* ---------- Mouse and finger ---------- */

  let dragging = false;

  const options = {
    group: "deals",
    sort: false, // the server orders by time in the stage
    draggable: ".v-card:not(.is-edit):not(.is-busy)",
    filter: "input, select, textarea, button",
    preventOnFilter: false,
    delay: 200,
    delayOnTouchOnly: true,
    touchStartThreshold: 6,
    forceFallback: true, // native dragging cannot be held by a finger, nor scroll the board on every system
    fallbackTolerance: 4,
    fallbackOnBody: true,
    ghostClass: "is-ghost",
    fallbackClass: "is-dragged",
    scroll: true,
    bubbleScroll: true,
    animation: 0,
    onStart({ item }) {
      dragging = true;
      remember(item);
      showDrops(true);
      document.body.classList.add("v-dragging");
    },
    onEnd({ item, to }) {
      dragging = false;
      document.body.classList.remove("v-dragging");
      const target = to.closest(".v-col, .v-drop");
      showDrops(false);
      if (target.contains(origins.get(item.dataset.id)?.list)) putBack(item.dataset.id);
      else drop(item, target);
    },
  };

  function showDrops(shown) {
    if (drops()) drops().hidden = !shown;
  }

  function arm() {
    if (!mayMove() || !window.Sortable) return;
    for (const list of [...$$(".v-cards", board()), ...$$(".v-drop")]) {
      if (!Sortable.get(list)) Sortable.create(list, options);
    }
  }

  /* A drag that ends over the card must not open it. */
  document.addEventListener("click", (event) => {
    if (event.target.closest(".v-card.is-busy, .v-card.is-ghost")) event.preventDefault();
  }, true);

  /* ---------- Keyboard ---------- */

  let carry = null; // { card, targets, at }

  const targets = () => [...columns(), ...$$(".v-drop")];

  function pick(card) {
    if (!mayMove() || card.classList.contains("is-busy")) return;
    remember(card);
    const all = targets();
    carry = { card, all, at: all.indexOf(columnOf(card)) };
    card.classList.add("is-carried");
    showDrops(true);
    say("picked", { card: nameOf(card), stage: columnOf(card).dataset.name });
  }

  function carryTo(at) {
    const { card, all } = carry;
    carry.at = Math.max(0, Math.min(all.length - 1, at));
    const target = all[carry.at];
    $$(".is-target").forEach((element) => element.classList.remove("is-target"));
    target.classList.add("is-target");
    if (target.matches(".v-col")) {
      place(card, target);
      target.scrollIntoView({ block: "nearest", inline: "nearest" });
      $(".v-cards", target).scrollTop = 0;
    }
    focus(card);
    say("over", { stage: target.dataset.name, n: carry.at + 1, m: all.length });
  }

  function release(dropped) {
    const { card, all, at } = carry;
    carry = null;
    card.classList.remove("is-carried");
    showDrops(false);
    $$(".is-target").forEach((element) => element.classList.remove("is-target"));
    const id = card.dataset.id;
    const home = origins.get(id)?.list.closest(".v-col");
    if (!dropped || all[at] === home) {
      putBack(id);
      say("back", { card: nameOf(card), stage: home?.dataset.name });
    } else {
      drop(card, all[at]);
    }
    focus(card);
  }

  function focus(card) {
    rove(card);
    $(".v-card-name", card)?.focus({ preventScroll: false });
  }

  /* One stop for the Tab key on the whole board: the arrows do the rest. */
  function rove(current) {
    if (!board()) return;
    const cards = $$(".v-card", board());
    const chosen = cards.includes(current) ? current
      : cards.find((card) => card.contains(document.activeElement))
      || cards.find((card) => card.hasAttribute("data-rove")) || cards[0];
    for (const card of cards) {
      card.toggleAttribute("data-rove", card === chosen);
      const name = $(".v-card-name", card);
      for (const element of $$("a, button", card)) element.tabIndex = card === chosen ? 0 : -1;
      name?.setAttribute("aria-describedby", "board-help");
    }
  }

  function walk(card, key) {
    const list = card.parentElement;
    const here = $$(".v-card", list);
    const row = here.indexOf(card);
    if (key === "ArrowDown" || key === "ArrowUp") {
      return here[row + (key === "ArrowDown" ? 1 : -1)];
    }
    if (key === "Home" || key === "End") return key === "Home" ? here[0] : here.at(-1);
    const lists = $$(".v-cards", board());
    const step = key === "ArrowRight" ? 1 : -1;
    for (let at = lists.indexOf(list) + step; lists[at]; at += step) {
      const there = $$(".v-card", lists[at]);
      if (there.length) return there[Math.min(row, there.length - 1)];
    }
    return null;
  }

  const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

  function carrying(event) {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      carryTo(carry.at + (event.key === "ArrowRight" ? 1 : -1));
    } else if (event.key === " " || event.key === "Enter") {
      release(true);
    } else if (event.key === "Escape" || event.key === "Tab") {
      release(false);
    } else if (!ARROWS.includes(event.key)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function onCard(event, card) {
    if (ARROWS.includes(event.key)) {
      const next = walk(card, event.key);
      if (next) focus(next);
    } else if (event.key === " ") {
      pick(card);
    } else if (event.key === "e" && mayMove()) {
      edit(card, "amount");
    } else if (event.key === "m" && mayMove()) {
      openMenu(card);
    } else {
      return;
    }
    event.preventDefault();
  }

  document.addEventListener("keydown", (event) => {
    if (!board() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (carry) return carrying(event);
    const typing = event.target.matches?.("input, select, textarea, [contenteditable]");
    if (event.key === "Escape" && event.target.closest?.("#board form")) return shut(event.target.closest("form"));
    if (typing) return;
    if (menu()?.matches(":popover-open")) return inMenu(event);
    if (event.key === "u") return undo();
    if (event.target.matches?.(".v-card-name")) onCard(event, event.target.closest(".v-card"));
  });

  function undo() {
    const buttons = $$("#toasts [data-undo]");
    buttons.at(-1)?.click();
  }

  /* Escape, or the cross, in the forms of the board. */
  function shut(form) {
    const card = form.closest(".v-card");
    if (card) $("[data-cancel]", form)?.click();
    else {
      const column = form.closest(".v-col");
      form.remove();
      $(".v-col-name a", column)?.focus();
    }
  }

  document.addEventListener("focusout", (event) => {
    if (carry && !dragging && event.target.closest?.(".v-card") === carry.card && event.relatedTarget
        && !carry.card.contains(event.relatedTarget)) release(false);
  });

  /* ---------- Menu of a card, edit on the card ---------- */

  const menu = () => document.getElementById("card-menu");
  let menuCard = null;

  function openMenu(card) {
    menuCard = card;
    const stage = columnOf(card).dataset.stage;
    for (const item of $$("[data-stage]", menu())) item.disabled = item.dataset.stage === stage;
    $("[data-act=open]", menu()).href = $(".v-card-name", card).href;
    menu().showPopover();
    const at = ($(".v-card-more", card) || card).getBoundingClientRect();
    const box = menu().getBoundingClientRect();
    menu().style.left = `${Math.max(8, Math.min(at.right - box.width, innerWidth - box.width - 8))}px`;
    menu().style.top = `${Math.max(8, Math.min(at.bottom + 4, innerHeight - box.height - 8))}px`;
    $("[role=menuitem]:not(:disabled)", menu()).focus();
  }

  function inMenu(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const items = $$("[role=menuitem]:not(:disabled)", menu());
    const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    items.at(at % items.length).focus();
    event.preventDefault();
  }

  function choose(item) {
    const card = menuCard && document.getElementById(menuCard.id);
    menu().hidePopover();
    if (!card) return;
    if (item.dataset.act === "edit") edit(card, "amount");
    else if (item.hasAttribute("data-close")) close(card, item.dataset.stage);
    else if (item.dataset.stage) {
      move(card, document.getElementById(`col-${item.dataset.stage}`));
      focus(card);
    }
  }

  function edit(card, field) {
    const url = `${board().dataset.deals}${card.dataset.id}/card?focus=${field}`;
    htmx.ajax("GET", url, { target: card, swap: "outerHTML" });
  }

  document.addEventListener("click", (event) => {
    if (!board()) return;
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    const card = event.target.closest("#board .v-card");
    if (event.target.closest("#card-menu [role=menuitem]:not(a)")) {
      choose(event.target.closest("[role=menuitem]"));
    } else if (card && plain && event.target.closest("[data-menu]")) {
      event.preventDefault();
      openMenu(card);
    } else if (card && plain && event.target.closest("[data-edit]")) {
      event.preventDefault();
      edit(card, event.target.closest("[data-edit]").dataset.edit);
    } else if (event.target.closest("#board .v-quick [data-cancel]")) {
      shut(event.target.closest("form"));
    }
  });

  document.addEventListener("toggle", (event) => {
    if (event.target.id === "card-menu" && event.newState === "closed" && menuCard?.isConnected) {
      if (document.activeElement === document.body) focus(menuCard);
    }
  }, true);

  /* ---------- Up to date ---------- */

  /* How many cards each column shows beyond the first page, so that a refresh keeps them. */
  function shown() {
    return columns().map((column) => [column.dataset.stage, $$(".v-card", column).length])
      .filter(([, n]) => n > 20).map((pair) => pair.join(":")).join(",");
  }

  function occupied() {
    const form = $("#board .v-card form, #board .v-quick");
    const typed = form && $$("input, select", form).some((f) => f.type !== "hidden" && f.value !== (f.dataset.was ?? f.defaultValue ?? f.value));
    return document.hidden || dragging || carry || moving || origins.size || menu()?.matches(":popover-open")
      || $("#dialog form") || $("#board details[open]") || (form && (form.contains(document.activeElement) || typed))
      || $("#board-filters :focus:is(input, select)");
  }

  function poll() {
    if (board() && !occupied()) htmx.trigger(board(), "board:refresh");
  }

  setInterval(poll, POLL);
  document.addEventListener("visibilitychange", poll);

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (!board()) return;
    const own = ctx.sourceElement === board();
    if (own) {
      ctx.request.headers["HX-PTag"] = board().dataset.stamp;
      ctx.generation = generation;
    }
    const expanded = shown();
    if (expanded && (own || ctx.request.method !== "GET")) ctx.request.body.set("shown", expanded);
  });

  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.sourceElement === board() && (ctx.generation !== generation || occupied())) event.preventDefault();
  });

  /* ---------- After a swap ---------- */

  function settle() {
    if (!board()) return;
    arm();
    const forms = $$("#board .v-card.is-edit, #dialog form");
    if (!forms.length) for (const card of $$(".v-card.is-busy")) if (!moving) card.classList.remove("is-busy");
    rove();
    steps();
  }

  document.addEventListener("htmx:after:swap", settle);

  /* ---------- Phones: chips follow the column in view ---------- */

  function steps() {
    const wide = document.getElementById("columns");
    if (!wide || wide.dataset.followed) return;
    wide.dataset.followed = "yes";
    wide.addEventListener("scroll", () => requestAnimationFrame(() => {
      const left = wide.getBoundingClientRect().left;
      const nearest = columns().reduce((best, column) => {
        const distance = Math.abs(column.getBoundingClientRect().left - left);
        return distance < best.distance ? { column, distance } : best;
      }, { distance: Infinity }).column;
      for (const chip of $$(".v-steps a")) {
        const current = chip.hash === `#${nearest?.id}`;
        if (current && !chip.hasAttribute("aria-current")) chip.scrollIntoView({ block: "nearest", inline: "nearest" });
        chip.toggleAttribute("aria-current", current);
        if (current) chip.setAttribute("aria-current", "true");
      }
    }), { passive: true });
  }

  document.addEventListener("click", (event) => {
    const chip = event.target.closest(".v-steps a");
    if (!chip) return;
    event.preventDefault();
    document.querySelector(chip.hash)?.scrollIntoView({ block: "nearest", inline: "start" });
  });

  arm();
  rove();
  steps();
})();
