/* Moving cards on the pipeline board: by mouse, by held finger, and by keyboard alone.
   The server decides: a move is shown at once, sent with the card's version, and taken back when it is refused.
   Listeners are delegated, so fragments that htmx swaps in need no set-up; only Sortable is told of new columns.
   board-live.js does the menu of a card, editing on the card, and keeping up to date. */
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const board = () => document.getElementById("board");
  const mayMove = () => Boolean(board()?.hasAttribute("data-may-move"));
  const cardOf = (id) => document.getElementById(`deal-${id}`);
  const nameOf = (card) => $(".v-card-name", card).textContent.trim();
  const columnOf = (card) => card.closest(".v-col");
  const columns = () => $$(".v-col", board());
  const drops = () => document.getElementById("drops");

  /* Sentences come translated from the page, with {places} for names. */
  function say(key, values = {}) {
    const sentence = document.getElementById("board-texts").dataset[key];
    window.vendimia.announce(sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? ""));
  }

  /* ---------- One way to move a card ---------- */

  let queue = Promise.resolve(); // one move after the other, so that the sums that come back are in order
  let moving = 0;
  let generation = 0; // an answer to a poll from before a move must not undo it on the screen
  const origins = new Map(); // deal id -> where the card stood before it was lifted

  function remember(card) {
    origins.set(card.dataset.id, { list: card.parentElement, next: card.nextElementSibling });
  }

  function putBack(id) {
    const origin = origins.get(id);
    const card = cardOf(id);
    origins.delete(id);
    if (!origin || !card) return;
    card.classList.remove("is-busy", "is-carried");
    const list = origin.list.isConnected ? origin.list : document.getElementById(origin.list.id);
    const next = origin.next?.parentElement === list ? origin.next : $(":scope > .v-more", list);
    list.insertBefore(card, next);
  }

  /* The newest of a stage stands on top, so that is where the card goes wherever it was let go. */
  function place(card, column) {
    const list = $(".v-cards", column);
    if (list.firstElementChild !== card) list.prepend(card);
  }

  function move(card, column) {
    const id = card.dataset.id;
    if (!origins.has(id)) remember(card);
    const from = columnOf(origins.get(id).list);
    if (from === column) return putBack(id);
    generation += 1;
    moving += 1;
    place(card, column);
    card.classList.add("is-busy");
    const words = { card: nameOf(card), stage: column.dataset.name };
    queue = queue.then(() => send(id, card.dataset.version, column.dataset.stage)).then((status) => {
      moving -= 1;
      cardOf(id)?.classList.remove("is-busy");
      if (status === 200) say("dropped", words);
      else if (status === 409) say("changed", words); // the answer brought the board as it is now
      else say("back", { card: words.card, stage: from.dataset.name });
      if (status === 200 || status === 409) origins.delete(id);
      else putBack(id);
      rove();
    });
  }

  /* Answers the status, 0 when the server could not be reached. */
  async function send(id, version, stage) {
    let status = 0;
    const fetch = async (...request) => {
      const response = await window.fetch(...request);
      status = response.status;
      return response;
    };
    const values = { version, stage_id: stage };
    const url = `${board().dataset.deals}${id}/move`;
    await window.htmx.ajax("POST", url, { source: "#mover", swap: "none", values, fetch });
    return status;
  }

  /* A closing stage wants an amount or a reason first: the card waits in its place while the dialog asks. */
  function close(card, stage) {
    putBack(card.dataset.id);
    card.classList.add("is-waiting");
    const url = `${board().dataset.deals}${card.dataset.id}/close/${stage}`;
    window.htmx.ajax("GET", url, { source: $(".v-card-name", card), target: "#dialog", swap: "innerHTML" });
  }

  function drop(card, target) {
    if (target.hasAttribute("data-closing")) close(card, target.dataset.stage);
    else move(card, target);
  }

  /* ---------- Mouse and finger ---------- */

  let dragging = false;
  let justDragged = 0;

  const options = {
    group: "deals",
    sort: false, // the server orders by time in the stage
    draggable: ".v-card",
    filter: ".is-edit, .is-busy, .is-waiting",
    preventOnFilter: false,
    delay: 200,
    delayOnTouchOnly: true,
    touchStartThreshold: 8,
    forceFallback: true, // native dragging cannot be held by a finger, nor does it scroll the board everywhere
    fallbackTolerance: 4,
    fallbackOnBody: true,
    ghostClass: "is-ghost",
    fallbackClass: "is-dragged",
    scroll: true,
    bubbleScroll: true,
    scrollSensitivity: 60,
    onStart({ item }) {
      dragging = true;
      remember(item);
      showDrops(true);
      document.body.classList.add("v-dragging");
    },
    onEnd({ item, to }) {
      dragging = false;
      justDragged = Date.now();
      document.body.classList.remove("v-dragging");
      showDrops(false);
      const target = to.closest(".v-col, .v-closer");
      if (target === columnOf(origins.get(item.dataset.id).list)) putBack(item.dataset.id);
      else drop(item, target);
    },
  };

  function showDrops(shown) {
    if (drops()) drops().hidden = !shown;
  }

  function arm() {
    if (!mayMove() || !window.Sortable) return;
    for (const list of [...$$(".v-cards", board()), ...$$(".v-closer")]) {
      if (!window.Sortable.get(list)) window.Sortable.create(list, options);
    }
  }

  /* Letting go over a card is a click on its link as well: it must not open the deal. */
  document.addEventListener("click", (event) => {
    if (Date.now() - justDragged < 300 && event.target.closest(".v-card")) event.preventDefault();
  }, true);

  /* A link has a native drag of its own, which would take the pointer away from Sortable. */
  document.addEventListener("dragstart", (event) => {
    if (mayMove() && event.target.closest?.(".v-card")) event.preventDefault();
  });

  /* ---------- Keyboard ---------- */

  let carry = null; // { card, all: columns and closing targets, at: index into all }

  function pick(card) {
    if (!mayMove() || card.matches(".is-busy, .is-waiting")) return;
    remember(card);
    const all = [...columns(), ...$$(".v-closer")];
    carry = { card, all, at: all.indexOf(columnOf(card)) };
    card.classList.add("is-carried");
    showDrops(true);
    say("picked", { card: nameOf(card), stage: columnOf(card).dataset.name });
  }

  function mark(target) {
    for (const marked of $$(".is-target")) marked.classList.remove("is-target");
    target?.classList.add("is-target");
  }

  function carryTo(at) {
    const { card, all } = carry;
    carry.at = Math.max(0, Math.min(all.length - 1, at));
    const target = all[carry.at];
    mark(target);
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
    mark(null);
    const home = columnOf(origins.get(card.dataset.id).list);
    if (dropped && all[at] !== home) {
      drop(card, all[at]);
    } else {
      putBack(card.dataset.id);
      say("back", { card: nameOf(card), stage: home.dataset.name });
    }
    focus(card);
  }

  function focus(card) {
    rove(card);
    $(".v-card-name", card)?.focus();
  }

  /* One stop for the Tab key on the whole board, the arrows do the rest; the buttons of that card follow it. */
  let roving = null; // id of the card that is the stop

  function rove(wanted) {
    if (!board()) return;
    const cards = $$(".v-card", board());
    const chosen = cards.find((card) => card === wanted) || cards.find((card) => card.contains(document.activeElement))
      || cards.find((card) => card.id === roving) || cards[0];
    roving = chosen?.id;
    for (const card of cards) {
      if (card.classList.contains("is-edit")) continue;
      for (const link of $$("a", card)) link.tabIndex = card === chosen ? 0 : -1;
      $(".v-card-name", card).setAttribute("aria-describedby", "board-help");
    }
  }

  function neighbour(card, key) {
    const list = card.parentElement;
    const here = $$(".v-card", list);
    const row = here.indexOf(card);
    if (key === "Home" || key === "End") return key === "Home" ? here[0] : here.at(-1);
    if (key === "ArrowDown" || key === "ArrowUp") return here[row + (key === "ArrowDown" ? 1 : -1)];
    const lists = $$(".v-cards", board());
    const step = key === "ArrowRight" ? 1 : -1;
    for (let at = lists.indexOf(list) + step; lists[at]; at += step) {
      const there = $$(".v-card", lists[at]);
      if (there.length) return there[Math.min(row, there.length - 1)];
    }
    return null;
  }

  const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

  function whileCarrying(event) {
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
    event.stopImmediatePropagation();
  }

  /* First of all listeners: while a card is carried, no shortcut of the page means anything else. */
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (carry) return whileCarrying(event);
    const card = event.target.matches?.("#board .v-card-name") && event.target.closest(".v-card:not(.is-edit)");
    if (!card) return;
    if (ARROWS.includes(event.key)) {
      const next = neighbour(card, event.key);
      if (next) focus(next);
    } else if (event.key === " ") {
      pick(card);
    } else {
      return;
    }
    event.preventDefault();
  }, true);

  /* Whoever clicks elsewhere while carrying has changed their mind. */
  window.addEventListener("pointerdown", () => {
    if (carry) release(false);
  }, true);

  window.vendimia.board = {
    $, $$, board, cardOf, columnOf, columns, mayMove, say, move, close, focus, rove, arm,
    generation: () => generation,
    inTheAir: () => Boolean(dragging || carry || moving || origins.size),
  };

  arm();
  rove();
})();
