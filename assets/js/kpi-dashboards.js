/* Dashboards: widgets are arranged by mouse, by finger and by keyboard; every change is sent at once with the version of
   the dashboard, and the page is asked for anew when somebody else was quicker. Without script the menus post plain forms. */
(() => {
  "use strict";

  const grid = () => document.querySelector("#kd-grid[data-arrange]");
  const widgetOf = (node) => node.closest("#kd-grid .kd-widget");
  const bodyOf = (widget) => widget.querySelector(".kd-body");
  const titleOf = (widget) => widget.querySelector("h2").textContent.trim();
  const WIDEST = 4;

  function say(key, values) {
    const sentence = grid()?.dataset[key] || "";
    window.vendimia.announce(sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? ""));
  }

  /* ---------- Sending: one change after the other ---------- */

  let queue = Promise.resolve();

  function send(values) {
    queue = queue.then(async () => {
      const place = grid();
      if (!place) return;
      let status = 0;
      const fetch = async (...request) => {
        const response = await window.fetch(...request);
        status = response.status;
        return response;
      };
      const token = place.querySelector("input[name=csrf_token]").value;
      const posted = { ...values, version: place.dataset.version, csrf_token: token };
      await window.htmx.ajax("POST", place.dataset.arrange, { source: place, swap: "none", values: posted, fetch });
      if (status !== 200) {
        const here = location.pathname + location.search;
        window.htmx.ajax("GET", here, { target: "#report", swap: "outerHTML" });
      }
    });
    return queue;
  }

  document.addEventListener("dashboard:arranged", (event) => {
    const { version } = event.detail;
    if (!grid() || !version) return;
    grid().dataset.version = version;
    document.querySelectorAll(".kd input[name=version]").forEach((input) => { input.value = version; });
  });

  /* ---------- What a change looks like ---------- */

  /* The neighbour moves, so that what has the focus stays where it is in the document. */
  const steps = {
    earlier(widget) {
      const other = widget.previousElementSibling;
      if (other) widget.after(other);
      return Boolean(other);
    },
    later(widget) {
      const other = widget.nextElementSibling;
      if (other) widget.before(other);
      return Boolean(other);
    },
    wider: (widget) => resize(widget, 1),
    narrower: (widget) => resize(widget, -1),
  };

  function resize(widget, by) {
    const before = Number(widget.dataset.width);
    const width = Math.min(WIDEST, Math.max(1, before + by));
    if (width === before) return false;
    widget.classList.replace(`kd-w${before}`, `kd-w${width}`);
    widget.dataset.width = width;
    return true;
  }

  function change(widget, what) {
    if (!steps[what]?.(widget)) return;
    const all = [...grid().children];
    if (what === "earlier" || what === "later") say("moved", { title: titleOf(widget), place: all.indexOf(widget) + 1, count: all.length });
    else say("sized", { title: titleOf(widget), width: widget.dataset.width });
    send({ widget: widget.dataset.widget, do: what }).then(() => {
      // A chart is drawn for the width of its place.
      if ((what === "wider" || what === "narrower") && widget.isConnected) window.htmx.trigger(bodyOf(widget), "again");
    });
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const widget = form.matches(".kd-arrange") && widgetOf(form);
    if (!widget || !event.submitter) return;
    event.preventDefault();
    event.stopPropagation();
    change(widget, event.submitter.value);
  }, true);

  const KEYS = { ArrowLeft: "earlier", ArrowUp: "earlier", ArrowRight: "later", ArrowDown: "later", "+": "wider", "-": "narrower" };
  document.addEventListener("keydown", (event) => {
    const grip = event.target instanceof Element && event.target.closest(".kd-grip");
    const what = KEYS[event.key];
    if (!grip || !what || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    change(widgetOf(grip), what);
    grip.focus();
  });

  /* ---------- Mouse and finger ---------- */

  const options = {
    handle: ".kd-grip",
    draggable: ".kd-widget",
    forceFallback: true,
    fallbackTolerance: 4,
    ghostClass: "is-ghost",
    fallbackClass: "is-dragged",
    scroll: true,
    bubbleScroll: true,
    onEnd({ item, oldIndex, newIndex }) {
      if (oldIndex === newIndex) return;
      const all = [...grid().children];
      say("moved", { title: titleOf(item), place: all.indexOf(item) + 1, count: all.length });
      send({ order: all.map((each) => each.dataset.widget).join(",") });
    },
  };

  function arm() {
    const place = grid();
    if (place && window.Sortable && !window.Sortable.get(place)) window.Sortable.create(place, options);
  }

  /* ---------- A widget that failed says so in its place; the others go on ---------- */

  function failed(event) {
    const body = event.detail?.ctx?.sourceElement;
    if (body?.matches?.(".kd-body[aria-busy]")) body.classList.add("is-failed");
  }
  document.addEventListener("htmx:response:error", failed);
  document.addEventListener("htmx:error", failed);
  document.addEventListener("htmx:after:swap", (event) => {
    const body = event.detail?.ctx?.target;
    if (body?.matches?.(".kd-body")) body.removeAttribute("aria-busy");
    arm();
  });

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", arm);
  else arm();
})();
