/* Tabs that do not fit are scrolled to the one that is open. */
(() => {
  "use strict";

  function show(root) {
    for (const row of root.querySelectorAll(".v-tabs")) {
      const open = row.querySelector(":scope > [aria-current], :scope > [aria-selected=true]");
      const over = open ? open.offsetLeft + open.offsetWidth - row.offsetLeft - row.clientWidth : 0;
      if (over > 0 && !row.scrollLeft) row.scrollLeft = over + 32; // a little of the next one says that there are more
    }
  }

  document.addEventListener("htmx:finally:swap", () => show(document));
  show(document);
})();
