/* The bell: its list is fetched when it is opened; following a notice marks it as read. */
(() => {
  "use strict";

  const fill = () => {
    const list = document.getElementById("bell-list");
    if (list) window.htmx.trigger(list, "bell:open");
  };

  document.addEventListener("toggle", (event) => {
    if (event.target.id === "bell" && event.target.open) fill();
  }, true);

  const AWAITED = 1000; // milliseconds

  function markRead(link) {
    const token = document.body.getAttribute("hx-headers:inherited");
    const headers = { ...JSON.parse(token || "{}"), "HX-Request": "true" };
    const read = fetch(link.dataset.notice, { method: "POST", headers, keepalive: true }).catch(() => {}); // it stays unread, no more
    delete link.dataset.notice;
    link.closest(".v-notice").classList.remove("is-unread");
    return read;
  }

  /* The page that follows counts it among the read ones: it is asked for once that is written, or has taken too long. */
  function follow(event, link, read) {
    const elsewhere = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target;
    if (elsewhere) return;
    event.preventDefault();
    Promise.race([read, new Promise((done) => setTimeout(done, AWAITED))]).then(() => location.assign(link.href));
  }

  for (const kind of ["click", "auxclick"]) {
    document.addEventListener(kind, (event) => {
      const link = event.target.closest?.("a[data-notice]");
      if (link && event.button < 2) follow(event, link, markRead(link));
    });
  }

  /* Marked as read by its button: the list, or the page, shows it. */
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (!sourceElement?.matches?.("form[data-notice-read]") || response?.status !== 204) return;
    const all = !sourceElement.closest(".v-notice");
    const items = all ? document.querySelectorAll(".v-notice.is-unread") : [sourceElement.closest(".v-notice")];
    for (const item of items) {
      item.classList.remove("is-unread");
      item.querySelector("form")?.remove();
      item.querySelector("[data-notice]")?.removeAttribute("data-notice");
    }
    if (all) sourceElement.remove();
    window.htmx.trigger(document.body, "notices:changed"); // the form that the answer names is gone by now
  });
})();
