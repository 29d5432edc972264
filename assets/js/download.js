/* A form whose answer is a file: the page stays, so the drawer it stands in closes by itself. */
(() => {
  "use strict";
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-download]") || !event.target.closest("#drawer")) return;
    setTimeout(() => window.vendimia.close("drawer"));
  });
})();
