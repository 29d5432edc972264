/* The quick log: another kind brings its own next step, and takes away the outcome that does not fit it. */
(() => {
  "use strict";

  const pick = (log, name) => log.querySelector(`[name="${name}"]`);

  function setValue(control, value) {
    if (control.tomselect) control.tomselect.setValue(value, true);
    else control.value = value;
    control.dataset.suggested = value;
  }

  /* What somebody has typed stays; what was suggested is suggested anew. */
  function suggest(control, value) {
    if (control && (control.dataset.suggested ?? control.defaultValue ?? control.value) === control.value) setValue(control, value);
  }

  function remember(log) {
    for (const name of ["next_type_id", "next_subject", "next_due_on"]) {
      const control = pick(log, name);
      if (control) control.dataset.suggested ??= control.value;
    }
  }

  /* Beside the tick: what it would plan. */
  function hint(log) {
    const place = log.querySelector("[data-next-hint]");
    if (!place) return;
    const subject = pick(log, "next_subject")?.value ?? "";
    const day = pick(log, "next_due_on")?.value;
    const shown = day ? new Date(`${day}T12:00`).toLocaleDateString(document.documentElement.lang, { weekday: "short", day: "numeric", month: "short" }) : "";
    place.textContent = [subject, shown].filter(Boolean).join(" · ");
  }

  function changed(radio) {
    const log = radio.closest("[data-log]");
    for (const outcome of log.querySelectorAll("[data-outcome]")) {
      if (!outcome.dataset.kinds.split(" ").includes(radio.dataset.kind)) outcome.querySelector("input").checked = false;
    }
    suggest(pick(log, "next_type_id"), radio.dataset.nextType);
    suggest(pick(log, "next_subject"), radio.dataset.nextSubject);
    suggest(pick(log, "next_due_on"), radio.dataset.nextDue);
    hint(log);
  }

  function begin(root) {
    const logs = root.matches?.("[data-log]") ? [root] : root.querySelectorAll?.("[data-log]") ?? [];
    for (const log of logs) {
      remember(log);
      hint(log);
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-log] [data-kind]")) changed(event.target);
    else if (event.target.name?.startsWith("next_")) hint(event.target.closest("[data-log]") ?? document.body);
  });
  /* A second tap on the chosen outcome takes it back. */
  let chosen = null;
  document.addEventListener("pointerdown", (event) => {
    const radio = event.target.closest("[data-outcome]")?.querySelector("input");
    chosen = radio?.checked ? radio : null;
  });
  document.addEventListener("click", (event) => {
    if (event.target === chosen) chosen.checked = false;
    if (event.target === chosen) chosen = null;
  });
  document.addEventListener("htmx:after:process", (event) => begin(event.target));
  begin(document);
})();
