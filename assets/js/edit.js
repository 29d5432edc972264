/* Editing in place: Esc and the cross put back what was there without asking the server; Enter saves (the form does). */
(() => {
  "use strict";

  const before = new Map(); // id of the edited element -> its markup before editing

  const editable = (element) => element?.closest?.("[data-editable]");

  document.addEventListener("htmx:before:request", (event) => {
    const { sourceElement, target } = event.detail.ctx;
    if (!sourceElement.matches?.("[data-edit]")) return;
    const place = editable(target) || editable(sourceElement);
    if (!place?.id) return;
    const copy = place.cloneNode(true); // without htmx's marks, so that it is wired again when it comes back
    for (const each of [copy, ...copy.querySelectorAll("*")]) {
      each.classList.remove("htmx-request");
      each.removeAttribute("data-htmx-powered");
    }
    before.set(place.id, copy.outerHTML);
  });

  function cancel(form) {
    const place = editable(form);
    const markup = before.get(place?.id);
    if (!markup) return false;
    before.delete(place.id);
    const holder = document.createElement(place.parentElement.tagName);
    holder.innerHTML = markup;
    const old = holder.firstElementChild;
    place.replaceWith(old);
    window.htmx.process(old);
    (old.matches("[data-edit]") ? old : old.querySelector("[data-edit]"))?.focus(); // the cell of a list is its own way in
    return true;
  }

  document.addEventListener("vendimia:leave", (event) => cancel(event.target));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-edit-cancel]");
    if (button && cancel(button)) event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const form = event.target.closest?.("form[data-edit-form]");
    if (!form || form.querySelector(".ts-wrapper.dropdown-active")) return;
    if (cancel(form)) event.preventDefault();
  });

  /* The form has just arrived: cursor in it, text selected, ready to be typed over. */
  document.addEventListener("htmx:after:swap", (event) => {
    const { sourceElement, target } = event.detail.ctx;
    for (const root of [sourceElement, target]) {
      const form = root instanceof Element && root.isConnected && root.querySelector("form[data-edit-form]");
      const place = form || null;
      if (place) return focusIn(place);
    }
    const fresh = document.querySelector("form[data-edit-form]:not([data-seen])");
    if (fresh) focusIn(fresh);
  });

  function focusIn(form) {
    if (form.dataset.seen) return;
    form.dataset.seen = "1";
    const field = form.querySelector("input:not([type=hidden]), select, textarea");
    if (!field) return;
    if (field.tomselect) return field.tomselect.focus();
    field.focus();
    if (field.matches("input:not([type=date], [type=checkbox]), textarea")) field.select();
  }
})();
