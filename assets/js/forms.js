/* Forms: no double submission, Ctrl+Enter saves, radio filters apply at once, passwords can be shown. */
(() => {
  "use strict";

  const sent = new WeakSet();

  /* A plain (not htmx) form is sent once; coming back by "back" must find it usable again. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("[hx-post], [hx-put], [hx-patch], [hx-delete]")) return;
    if (sent.has(form)) return event.preventDefault();
    sent.add(form);
    form.classList.add("is-busy");
    form.querySelectorAll("button[type=submit]").forEach((button) => button.setAttribute("aria-disabled", "true"));
  });

  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form.is-busy").forEach((form) => {
      sent.delete(form);
      form.classList.remove("is-busy");
      form.querySelectorAll("button[type=submit]").forEach((button) => button.removeAttribute("aria-disabled"));
    });
  });

  /* An htmx form drops what is submitted while its request is under way. */
  document.addEventListener("htmx:before:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    if (!form.matches?.("form")) return;
    if (form.dataset.underWay) return event.preventDefault();
    form.dataset.underWay = "1";
    form.querySelectorAll("button[type=submit]").forEach((button) => button.setAttribute("aria-disabled", "true"));
  });

  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    if (!form?.matches?.("form")) return;
    delete form.dataset.underWay;
    form.querySelectorAll("button[type=submit]").forEach((button) => button.removeAttribute("aria-disabled"));
  });

  /* Filters that are left empty stay out of the address. */
  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    if (request.method !== "GET" || !request.form?.matches?.(".v-filter, .v-find, .v-search")) return;
    for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.form;
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("form.v-filter :is(input[type=radio], select)")) event.target.form.requestSubmit();
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reveal]");
    if (!button) return;
    const input = document.getElementById(button.dataset.reveal);
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
  });
  /* The button is hidden where there is no script to answer it. */
  const unhide = (root) => root.querySelectorAll?.("[data-reveal][hidden]").forEach((button) => { button.hidden = false; });
  document.addEventListener("htmx:after:process", (event) => unhide(event.target));
  unhide(document);
})();
