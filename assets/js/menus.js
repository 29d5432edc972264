/* Menus are <details>: this closes them on Escape and outside clicks, moves with the arrow keys,
   and runs the left menu where it is a drawer. */
(() => {
  "use strict";

  const openMenus = () => [...document.querySelectorAll("details.v-menu[open]")];

  function shut(menu, refocus) {
    menu.removeAttribute("open");
    if (refocus) menu.querySelector("summary").focus();
  }

  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) {
      const inside = menu.contains(event.target);
      const chosen = inside && event.target.closest("a.v-item, button.v-item, [data-menu-close]");
      if (!inside || chosen) shut(menu, false);
    }
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.v-menu[open]") || openMenus().at(-1);
    if (event.key === "Escape") {
      if (menu && !event.defaultPrevented) {
        event.preventDefault();
        shut(menu, menu.contains(document.activeElement));
      } else if (nav()?.classList.contains("is-shown")) {
        event.preventDefault();
        showNav(false);
      }
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && menu?.contains(event.target)) {
      step(menu, event);
    }
  });

  function step(menu, event) {
    if (event.target.matches("input, select, textarea")) return;
    const items = [...menu.querySelectorAll(".v-pop :is(a, button):not([disabled])")].filter((each) => each.offsetParent);
    if (!items.length) return;
    event.preventDefault();
    const now = items.indexOf(document.activeElement);
    const by = event.key === "ArrowDown" ? 1 : -1;
    items.at(now < 0 ? (by > 0 ? 0 : -1) : (now + by) % items.length).focus();
  }

  /* A filter's first control gets the cursor; a popover at the right edge opens to the left. */
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.("details.v-menu") || !menu.open) return;
    const pop = menu.querySelector(".v-pop");
    if (!pop) return;
    if (pop.getBoundingClientRect().right > document.documentElement.clientWidth - 4) pop.classList.add("v-pop-end");
    const first = pop.querySelector("form.v-filter :is(.ts-control, input:not([type=hidden], [type=radio]), [type=radio]:checked, [type=radio])");
    first?.focus({ preventScroll: true });
  }, true);

  /* ---------- The left menu as a drawer ---------- */

  const nav = () => document.getElementById("nav");

  function showNav(on) {
    const menu = nav();
    menu.classList.toggle("is-shown", on);
    document.querySelector("[data-nav-open]")?.setAttribute("aria-expanded", String(on));
    document.getElementById("main").inert = on;
    if (on) (menu.querySelector("[aria-current]") || menu.querySelector("a")).focus();
    else document.querySelector("[data-nav-open]")?.focus();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-nav-open]")) {
      event.preventDefault();
      return showNav(true);
    }
    const shown = nav()?.classList.contains("is-shown");
    if (event.target.closest("[data-nav-close]") || (shown && !nav().contains(event.target))) {
      event.preventDefault();
      showNav(false);
    }
  });
  window.matchMedia("(min-width: 1024px)").addEventListener("change", (event) => {
    if (event.matches && nav()?.classList.contains("is-shown")) showNav(false);
  });
})();
