/* The palette: search over everything and commands, by "/" or Ctrl+K. The server sends links and buttons
   (core/_palette.html); here they become the options of a combobox. Records opened lately are kept in this browser. */
(() => {
  "use strict";

  const MOST_RECENT = 8;
  const template = () => document.getElementById("palette-template");
  const field = () => document.getElementById("palette-q");
  const place = () => document.getElementById("palette-found");
  const options = () => [...(place()?.querySelectorAll("[data-found]") || [])].filter((each) => !each.closest("[hidden]"));
  const active = () => place()?.querySelector("[aria-selected='true']");
  const asked = () => field().value.trim();
  const answered = () => place().querySelector("#found")?.dataset.q === asked();
  let waiting = false; // Enter was pressed before the answer to what is typed was there

  function open(text) {
    if (!template() || window.vendimia.layerOpen()) return;
    window.vendimia.show("dialog", template().content.firstElementChild.cloneNode(true));
    const input = field();
    input.value = text || "";
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": "palette-found", "aria-expanded": "true" })) input.setAttribute(name, value);
    place().setAttribute("role", "listbox");
    place().setAttribute("aria-label", input.getAttribute("aria-label"));
    waiting = false;
    window.htmx.process(input.closest(".v-palette"));
    input.focus();
  }

  window.vendimia.palette = open;

  /* ---------- What came becomes options ---------- */

  function becomeOptions() {
    showRecent();
    place().querySelectorAll("ul, li").forEach((each) => each.setAttribute("role", "presentation"));
    place().querySelectorAll("section").forEach((group, number) => {
      const title = group.querySelector("h3");
      title.id = `palette-group-${number}`;
      title.setAttribute("role", "presentation");
      group.setAttribute("role", "group");
      group.setAttribute("aria-labelledby", title.id);
    });
    options().forEach((option, number) => {
      option.id = `palette-option-${number}`;
      option.setAttribute("role", "option");
      option.tabIndex = -1;
    });
    choose(options()[0]);
    window.vendimia.announce(place().querySelector("#found")?.dataset.said || "");
    if (!waiting || !answered()) return;
    waiting = false;
    active()?.click();
  }

  function choose(option) {
    options().forEach((each) => each.setAttribute("aria-selected", String(each === option)));
    if (option) {
      field().setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else field().removeAttribute("aria-activedescendant");
  }

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.target?.id === "palette-found" && place()) becomeOptions();
  });

  /* ---------- Keys and mouse ---------- */

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (field()) window.vendimia.close("dialog");
      else open();
      return;
    }
    if (event.target !== field() || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const all = options();
      const now = all.indexOf(active());
      if (all.length) choose(all.at((now + (event.key === "ArrowDown" ? 1 : -1)) % all.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!answered()) waiting = true;
      else if ((event.ctrlKey || event.metaKey) && active()?.href) window.open(active().href, "_blank", "noopener");
      else active()?.click();
    }
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-palette-open] input")) {
      const { value } = event.target;
      event.target.value = "";
      open(value);
    } else if (event.target === field()) waiting = false;
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) {
      event.preventDefault();
      return open();
    }
    const option = event.target.closest("#palette-found [data-found]");
    if (!option || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (option.matches("[data-found-create]")) create(event, option);
  });

  document.addEventListener("pointermove", (event) => {
    const option = event.target.closest?.("#palette-found [data-found]");
    if (option && option !== active()) choose(option);
  });

  /* A form to create something opens in the drawer, as from the menu that offers the same. */
  function create(event, option) {
    const same = [...document.querySelectorAll(".v-create a.v-item")].find((each) => each.href === option.href);
    if (!same) return;
    event.preventDefault();
    window.vendimia.close("dialog");
    same.click();
  }

  /* ---------- Opened lately ---------- */

  const key = () => `vendimia.lately.${template().dataset.recent}`;

  function lately() {
    try {
      const kept = JSON.parse(localStorage.getItem(key()));
      return Array.isArray(kept) ? kept.filter((each) => typeof each?.url === "string" && each.url.startsWith("/c/")) : [];
    } catch { return []; }
  }

  function remember() {
    if (!template() || !/^\/c\/[^/]+\/[a-z]+\/[a-z-_]+\/\d+$/.test(location.pathname)) return;
    const title = document.querySelector("#main h1")?.textContent.trim().slice(0, 200);
    const kind = document.querySelector("#main .v-crumbs a")?.textContent.trim().slice(0, 60) || "";
    const others = lately().filter((each) => each.url !== location.pathname);
    if (!title) return;
    try {
      localStorage.setItem(key(), JSON.stringify([{ url: location.pathname, title, kind }, ...others].slice(0, MOST_RECENT)));
    } catch { /* a full or forbidden store: then there is no such list */ }
  }

  function showRecent() {
    const group = place().querySelector("[data-recent]");
    const rows = group ? lately().filter((each) => each.url !== location.pathname) : [];
    if (!rows.length) return;
    group.hidden = false;
    const blank = group.querySelector("li[hidden]");
    for (const row of rows) {
      const item = blank.cloneNode(true);
      item.hidden = false;
      item.querySelector("a").href = row.url;
      item.querySelector(".v-found-title").textContent = row.title;
      item.querySelector(".v-found-sub").textContent = row.kind;
      blank.before(item);
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "log-out") return;
    for (const name of Object.keys(localStorage)) if (name.startsWith("vendimia.lately.")) localStorage.removeItem(name);
  });

  remember();
})();
