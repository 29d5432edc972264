/* The calendar: an event is dragged to another hour or day with the mouse; Shift and an arrow key move the one that has
   the focus; ← and → turn the page, t goes to today. The server decides, and the page is asked for again. */
(() => {
  "use strict";

  const STEP = 15; // minutes; what an event is dragged in
  const NUDGE = 30; // minutes; what a key moves it by
  const SLACK = 5; // pixels a hand may tremble before it is a drag
  const calendar = () => document.getElementById("calendar");
  const pad = (number) => String(number).padStart(2, "0");
  const minutesOf = (time) => (time ? Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5)) : null);
  const timeOf = (minutes) => `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;

  function say(key, values) {
    const sentence = document.getElementById("cal-texts")?.dataset[key] || "";
    window.vendimia.announce(sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? ""));
  }

  async function move(event, date, time) {
    const { version } = event.dataset;
    if (date === event.dataset.date && (time || "") === event.dataset.time) return;
    const values = { version, due_on: date };
    if (time) values.due_time = time;
    let status = 0;
    const fetch = async (...request) => {
      const response = await window.fetch(...request);
      status = response.status;
      return response;
    };
    const url = calendar().dataset.move.replace("/0/move", `/${event.dataset.event}/move`);
    const what = event.querySelector(".cal-subject").textContent.trim();
    following = event.id;
    await window.htmx.ajax("POST", url, { source: "#cal-mover", swap: "none", values, fetch });
    if (status < 300 && status) return say("moved", { what, when: `${date} ${time || ""}`.trim() });
    following = null;
    say("back", { what });
    if (status === 409) window.htmx.trigger(document.body, "activities:changed");
  }

  /* The event that was moved keeps the focus on the new page. */
  let following = null;
  document.addEventListener("htmx:finally:swap", (event) => {
    if (!following || event.detail.ctx?.sourceElement?.id !== "calendar") return;
    document.getElementById(following)?.focus({ preventScroll: true });
    following = null;
  });

  /* ---------- Mouse ---------- */

  let held = null; // { event, x, y, ghost, grip: minutes between its beginning and the pointer, target }
  let justDragged = 0;

  document.addEventListener("pointerdown", (down) => {
    const event = down.target.closest?.("#calendar [data-event]");
    if (!event || down.button || down.pointerType === "touch" || !calendar().dataset.move) return;
    held = { event, x: down.clientX, y: down.clientY, grip: down.clientY - event.getBoundingClientRect().top };
  });

  /* A link has a native drag of its own, which would take the pointer away. */
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.("#calendar [data-event]")) event.preventDefault();
  });

  function lift() {
    const box = held.event.getBoundingClientRect();
    held.ghost = held.event.cloneNode(true);
    held.ghost.removeAttribute("id");
    held.ghost.classList.add("is-dragged");
    held.ghost.style.width = `${box.width}px`;
    held.ghost.style.height = `${box.height}px`;
    held.dx = held.x - box.left;
    held.dy = held.y - box.top;
    document.body.append(held.ghost);
    held.event.classList.add("is-lifted");
    document.body.classList.add("cal-dragging");
  }

  document.addEventListener("pointermove", (at) => {
    if (!held) return;
    if (!held.ghost && Math.hypot(at.clientX - held.x, at.clientY - held.y) < SLACK) return;
    if (!held.ghost) lift();
    held.ghost.style.left = `${at.clientX - held.dx}px`;
    held.ghost.style.top = `${at.clientY - held.dy}px`;
    aim(at.clientX, at.clientY);
  });

  /* Where it would land: a quarter of an hour of a day, or a day. */
  function aim(x, y) {
    for (const marked of document.querySelectorAll("#calendar .is-drop")) marked.classList.remove("is-drop");
    const under = document.elementsFromPoint(x, y - (held.event.closest(".cal-day") ? held.grip - 2 : 0));
    const slot = under.find((each) => each.matches("#calendar [data-hour]"));
    const day = (slot || under.find((each) => each.matches("#calendar .cal-cell[data-date]")))?.closest("[data-date]:not([data-event])");
    (slot || day)?.classList.add("is-drop");
    held.target = day && { date: day.dataset.date, time: slot ? inSlot(slot, y) : held.event.dataset.time };
  }

  function inSlot(slot, y) {
    const box = slot.getBoundingClientRect();
    const top = held.event.closest(".cal-day") ? y - held.grip : y;
    const minutes = Math.round(((top - box.top) / box.height) * 60 / STEP) * STEP;
    return timeOf(Math.max(0, Math.min(23 * 60 + 45, Number(slot.dataset.hour) * 60 + Math.max(0, minutes))));
  }

  function drop(taken) {
    const { event, ghost, target } = held;
    held = null;
    if (!ghost) return;
    justDragged = Date.now();
    ghost.remove();
    event.classList.remove("is-lifted");
    document.body.classList.remove("cal-dragging");
    for (const marked of document.querySelectorAll("#calendar .is-drop")) marked.classList.remove("is-drop");
    if (taken && target) move(event, target.date, target.time);
  }

  document.addEventListener("pointerup", () => { if (held) drop(true); });
  document.addEventListener("pointercancel", () => { if (held) drop(false); });
  document.addEventListener("click", (event) => {
    if (Date.now() - justDragged < 300 && event.target.closest("#calendar")) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);

  /* ---------- Keyboard ---------- */

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -NUDGE], ArrowDown: [0, NUDGE] };

  function nudge(event, key) {
    const [days, minutes] = ARROWS[key];
    const date = new Date(`${event.dataset.date}T12:00:00Z`);
    date.setUTCDate(date.getUTCDate() + days);
    const now = minutesOf(event.dataset.time);
    if (minutes && now === null) return;
    const time = now === null ? "" : timeOf(Math.max(0, Math.min(23 * 60 + 45, now + minutes)));
    move(event, date.toISOString().slice(0, 10), time);
  }

  document.addEventListener("keydown", (event) => {
    if (!calendar() || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" && held) return drop(false);
    if (event.target.closest?.("input, textarea, select, [contenteditable]") || window.vendimia.layerOpen()) return;
    const own = event.target.closest?.("#calendar [data-event]");
    if (event.shiftKey) {
      if (!own || !ARROWS[event.key] || !calendar().dataset.move) return;
      event.preventDefault();
      return nudge(own, event.key);
    }
    const way = { ArrowLeft: "previous", ArrowRight: "next", t: "today" }[event.key];
    const link = way && calendar().querySelector(`[data-cal-${way}]`);
    if (!link || document.querySelector("details[open]")) return;
    event.preventDefault();
    link.click();
  });

  /* ---------- The hours that matter ---------- */

  /* The page opens at the first event, at most at seven in the morning; the list of a phone at today. */
  function scroll() {
    const today = document.querySelector(".cal-agenda h2.is-today");
    if (today && today.offsetParent && !today.dataset.scrolled) {
      today.dataset.scrolled = "1";
      today.scrollIntoView({ block: "start" });
    }
    const hours = document.getElementById("cal-scroll");
    if (!hours || hours.dataset.scrolled) return;
    hours.dataset.scrolled = "1";
    const seven = hours.querySelector(".cal-clock .cal-at-28");
    const first = [...hours.querySelectorAll(".cal-ev")].reduce((least, each) => Math.min(least, each.offsetTop), Infinity);
    if (seven) hours.scrollTop = Math.min(seven.offsetTop, first) - 8;
  }

  document.addEventListener("htmx:finally:swap", scroll);
  scroll();
})();
