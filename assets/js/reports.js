/* Reports: a button that prints. Without script the browser's own command does the same. */
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-print]")) window.print();
  });
})();
