/* Importing: a file is dropped or chosen and sent at once; one that is too large is refused before it is sent. What is
   chosen for a name marks its choice. Everything works without this file, by its buttons. */
(() => {
  "use strict";

  const zone = (event) => event.target.closest?.("[data-import-drop]");
  const input = (place) => place.querySelector("input[type=file]");

  function complain(place, sentence) {
    const error = place.querySelector(".v-error");
    error.querySelector("span").textContent = sentence;
    error.hidden = !sentence;
    place.classList.toggle("has-error", Boolean(sentence));
    input(place).classList.toggle("is-invalid", Boolean(sentence));
    if (sentence) input(place).setAttribute("aria-invalid", "true");
    else input(place).removeAttribute("aria-invalid");
  }

  /* Whether the chosen file may be sent; says so if not. */
  function fits(place) {
    const field = input(place);
    const [file] = field.files;
    const most = Number(field.dataset.most);
    const large = Boolean(file && most && file.size > most);
    complain(place, large ? place.querySelector(".v-error").dataset.tooLarge : "");
    return Boolean(file) && !large;
  }

  document.addEventListener("change", (event) => {
    const place = zone(event);
    if (place && event.target === input(place) && fits(place)) event.target.form.requestSubmit();
    const to = event.target.closest?.("[data-import-to]");
    if (to?.value) to.closest("fieldset").querySelector("input[value=map]").checked = true;
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-import-upload]")) return;
    const place = event.target.querySelector("[data-import-drop]");
    if (input(place).files.length && !fits(place)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);

  /* The server may know better what is too large. */
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    const place = ctx.sourceElement?.querySelector?.("[data-import-drop]");
    if (place && ctx.response.status === 413) complain(place, place.querySelector(".v-error").dataset.tooLarge);
  });

  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      const place = zone(event);
      if (!place || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      place.classList.add("is-over");
    });
  }

  document.addEventListener("dragleave", (event) => {
    const place = zone(event);
    if (place && !place.contains(event.relatedTarget)) place.classList.remove("is-over");
  });

  document.addEventListener("drop", (event) => {
    const place = zone(event);
    if (!place) return;
    event.preventDefault();
    place.classList.remove("is-over");
    if (!event.dataTransfer.files.length) return;
    input(place).files = event.dataTransfer.files;
    if (fits(place)) input(place).form.requestSubmit();
  });
})();
