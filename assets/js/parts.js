/* Shares of a deal's credit add up while they are typed; the server checks them anyway. */
(() => {
  "use strict";

  function add(form) {
    const shares = [...form.querySelectorAll("[data-part-share]")].map((field) => Number.parseInt(field.value, 10) || 0);
    const sum = form.querySelector("[data-part-sum]");
    if (!sum) return;
    const total = shares.reduce((all, each) => all + each, 0);
    sum.textContent = `${total} %`;
    sum.classList.toggle("text-danger", total !== 100 && total !== 0);
  }

  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("[data-part-rows]");
    if (form) add(form);
  });
  document.addEventListener("htmx:after:process", (event) => event.target.querySelectorAll?.("[data-part-rows]").forEach(add));
  document.querySelectorAll("[data-part-rows]").forEach(add);
})();
