/* Merging: all values of one record at once. The buttons are hidden where there is no script to answer them. */
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-take-all]");
    if (!button) return;
    button.closest("form").querySelectorAll("input[type=radio]").forEach((radio) => {
      if (radio.value === button.dataset.takeAll) radio.checked = true;
    });
  });

  const unhide = (root) => root.querySelectorAll?.("[data-take-all][hidden]").forEach((button) => { button.hidden = false; });
  document.addEventListener("htmx:after:process", (event) => unhide(event.target));
  unhide(document);
})();
