/* Writing a mail: choosing a template or a recipient fills the words in at once; without a script there is a button. */
(() => {
  "use strict";

  const button = (form) => form?.querySelector("[data-refill-button]");

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-refill]")) return;
    const form = event.target.form;
    const template = form.elements.template;
    if (button(form) && template?.value) form.requestSubmit(button(form));
  });

  const hide = (root) => root.querySelectorAll?.("[data-refill-button]").forEach((each) => { each.classList.add("visually-hidden"); each.tabIndex = -1; });
  document.addEventListener("htmx:after:process", (event) => hide(event.target));
  hide(document);
})();
