/* The form of a goal: an offer of the check is taken by a click, and the button says to whom the goal is proposed. */
(() => {
  "use strict";

  /* Pickers are told as well as the field itself. */
  function put(field, value) {
    if (field.tomselect) field.tomselect.setValue(value);
    else field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("click", (event) => {
    const offer = event.target.closest?.("#goal-form [data-offer-field]");
    const field = offer?.form.elements[offer.dataset.offerField];
    if (!field) return;
    put(field, offer.dataset.offerValue);
    field.focus();
  });

  /* "Propose to Marta"; to oneself nothing is proposed. */
  function name(form) {
    const button = form.querySelector("#smart-propose");
    const owner = form.elements.owner_id;
    if (!button || !owner) return;
    const chosen = owner.selectedOptions?.[0];
    const text = chosen?.value ? chosen.textContent.trim() : "";
    button.hidden = Boolean(text) && chosen.value === button.dataset.me;
    const activate = form.querySelector("#smart-activate");
    activate?.classList.toggle("btn-primary", button.hidden);
    activate?.classList.toggle("v-btn", !button.hidden);
    if (!button.dataset.plain) button.dataset.plain = button.querySelector("span").textContent;
    button.querySelector("span").textContent = text ? button.dataset.to.replace("{name}", text.split(" ")[0]) : button.dataset.plain;
  }

  document.addEventListener("change", (event) => {
    if (event.target.name === "owner_id" && event.target.form?.id === "goal-form") name(event.target.form);
  });

  const named = new WeakSet();
  const begin = () => {
    const form = document.getElementById("goal-form");
    if (!form || named.has(form)) return;
    named.add(form);
    name(form);
  };
  document.addEventListener("htmx:after:swap", begin);
  document.addEventListener("htmx:after:process", begin);
  begin();
})();
