/* Moving deals between months by mouse and held finger; the keyboard uses the menu of the card. The server decides. */
(() => {
  "use strict";

  const page = () => document.getElementById("forecast");
  let origin = null; // where the card stood before it was lifted
  let justDragged = 0;

  function putBack(card) {
    if (origin?.list.isConnected) origin.list.insertBefore(card, origin.next?.parentElement === origin.list ? origin.next : null);
    origin = null;
  }

  async function move(card, column) {
    const url = `${card.querySelector("form").action}`;
    let status = 0;
    const fetch = async (...request) => {
      const response = await window.fetch(...request);
      status = response.status;
      return response;
    };
    card.classList.add("is-busy");
    const values = { version: card.dataset.version, month: column.dataset.month };
    await window.htmx.ajax("POST", url, { source: "#forecast-mover", swap: "none", values, fetch });
    if (status === 200) return void (origin = null);
    const now = document.getElementById(card.id);
    now?.classList.remove("is-busy");
    if (now) putBack(now);
    if (status === 409) page().dispatchEvent(new CustomEvent("forecast:refresh"));
  }

  const options = {
    group: "months",
    sort: false,
    draggable: ".v-card",
    filter: ".is-busy, details",
    preventOnFilter: false,
    delay: 200,
    delayOnTouchOnly: true,
    touchStartThreshold: 8,
    forceFallback: true,
    fallbackTolerance: 4,
    fallbackOnBody: true,
    ghostClass: "is-ghost",
    fallbackClass: "is-dragged",
    scroll: true,
    bubbleScroll: true,
    onStart({ item }) {
      origin = { list: item.parentElement, next: item.nextElementSibling };
      document.body.classList.add("v-dragging");
    },
    onEnd({ item, to, from }) {
      justDragged = Date.now();
      document.body.classList.remove("v-dragging");
      const column = to.closest(".v-col");
      if (to === from || column.hasAttribute("data-closed")) return putBack(item);
      move(item, column);
    },
  };

  function arm() {
    if (!page()?.hasAttribute("data-may-move") || !window.Sortable) return;
    for (const list of page().querySelectorAll(".v-cards")) {
      if (!window.Sortable.get(list)) window.Sortable.create(list, options);
    }
  }

  /* Letting go over a card is a click on its link as well: it must not open the deal. */
  document.addEventListener("click", (event) => {
    if (Date.now() - justDragged < 300 && event.target.closest(".v-card")) event.preventDefault();
  }, true);

  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.("#forecast .v-card")) event.preventDefault();
  });

  /* The menu of a card goes with the card: in its new month the card has the focus, not nobody. */
  let sent = null; // id of the card whose month was chosen

  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    sent = ctx.sourceElement?.closest?.("#forecast .v-card")?.id;
  });

  document.addEventListener("htmx:after:swap", () => {
    arm();
    const lost = sent && document.activeElement === document.body;
    if (lost) document.getElementById(sent)?.querySelector(".v-card-name").focus();
  });
  arm();
})();
