/* The drawer and the dialog: open when a fragment lands in them, closed when they are empty.
   While one is open the page behind is inert; closing gives focus and address back. */
(() => {
  "use strict";

  const LAYERS = ["drawer", "dialog"];
  const FIELDS = "input:not([type=hidden], [disabled]), select:not([disabled]), textarea:not([disabled])";
  const state = new Map(); // layer id -> { opener, address }
  const layer = (id) => document.getElementById(id);
  const isOpen = (id) => Boolean(layer(id)?.firstElementChild);

  function panelOf(id) {
    return layer(id)?.firstElementChild;
  }

  function becomeModal(id) {
    const panel = panelOf(id);
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-modal", "true");
    panel.tabIndex = -1;
    const title = panel.querySelector("h1, h2");
    if (title && !panel.hasAttribute("aria-labelledby")) {
      title.id ||= `${id}-title`;
      panel.setAttribute("aria-labelledby", title.id);
    }
    if (panel.contains(document.activeElement)) return;
    const first = panel.querySelector("[aria-invalid='true'], [data-autofocus]") || panel.querySelector(FIELDS) || panel;
    first.focus();
  }

  /* Only the topmost layer can be reached by keyboard and screen reader. */
  function shield() {
    const top = isOpen("dialog") ? "dialog" : isOpen("drawer") ? "drawer" : null;
    for (const each of document.body.children) {
      if (["toasts", "announce", top].includes(each.id) || each.matches(".ts-dropdown, script, template")) continue;
      if (top) each.setAttribute("inert", "");
      else each.removeAttribute("inert");
    }
    if (top) layer(top).removeAttribute("inert");
  }

  function update() {
    for (const id of LAYERS) {
      const open = isOpen(id);
      if (open && panelOf(id).getAttribute("role") !== "dialog") {
        panelOf(id).classList.toggle("is-kept", state.has(id));
        if (!state.has(id)) state.set(id, { opener: lastOpener, address: lastAddress, index: lastIndex });
        shield();
        becomeModal(id);
      } else if (!open && state.has(id)) {
        restore(id);
      }
    }
  }

  function restore(id) {
    const { opener, address, index } = state.get(id);
    state.delete(id);
    shield();
    const back = (opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id)) || document.getElementById("main");
    const refocus = () => back?.focus({ preventScroll: true });
    if (address && address !== location.href) leaveAddress(address, index, refocus);
    refocus();
  }

  /* The drawer's address was pushed: step back over it, without htmx fetching the page that is still here. */
  let stepping = false;
  function leaveAddress(address, index, refocus) {
    if (window.navigation?.currentEntry?.index === index + 1) {
      stepping = true;
      // The browser takes the focus away once it has stepped back.
      document.addEventListener("focusout", () => setTimeout(refocus), { once: true, signal: AbortSignal.timeout(1000) });
      history.back();
    } else {
      history.replaceState(history.state, "", address);
    }
  }

  document.addEventListener("htmx:before:history:restore", (event) => {
    if (!stepping) return;
    stepping = false;
    event.preventDefault();
  });

  function close(id) {
    if (isOpen(id)) layer(id).replaceChildren();
  }

  function show(id, node) {
    lastOpener = document.activeElement;
    lastAddress = location.href;
    lastIndex = NaN;
    layer(id).replaceChildren(node);
  }

  window.vendimia.close = close;
  window.vendimia.show = show;
  window.vendimia.layerOpen = () => LAYERS.find((id) => isOpen(id));

  /* Where to return to: remembered before the request, as htmx changes the address. */
  let lastOpener = null;
  let lastAddress = location.href;
  let lastIndex = NaN;
  document.addEventListener("htmx:before:request", (event) => {
    const { target, sourceElement } = event.detail.ctx;
    if (!LAYERS.includes(target?.id) || isOpen(target.id)) return;
    const menu = sourceElement.closest?.("details.v-menu");
    lastOpener = menu ? menu.querySelector("summary") : sourceElement;
    lastAddress = location.href;
    lastIndex = window.navigation?.currentEntry?.index;
    menu?.removeAttribute("open");
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-close]");
    const own = button?.closest("#drawer, #dialog");
    if (own) {
      event.preventDefault();
      return close(own.id);
    }
    const veiled = LAYERS.includes(event.target.id) ? event.target.id : null; // the veil is the layer's ::before
    if (veiled && !dirty(layer(veiled)) && !typed(veiled)) close(veiled);
  });

  /* A click beside the drawer must not throw away what was typed, nor must one key: the second one does. */
  const AGAIN = 5000; // milliseconds
  let warned = -AGAIN;

  function typed(id) {
    const forms = [...layer(id).querySelectorAll("form")].filter((form) => form.method === "post");
    return forms.some((form) => dirty(form) || form.querySelector("[aria-invalid='true']")); // what was refused is as given
  }

  function dirty(place) {
    return [...place.querySelectorAll("input, textarea, select")].some((each) => {
      if (each.type === "checkbox" || each.type === "radio") return each.checked !== each.defaultChecked;
      if (each.tagName === "SELECT") return [...each.options].some((option) => option.selected !== option.defaultSelected);
      return each.value !== each.defaultValue;
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const id = [...LAYERS].reverse().find(isOpen);
    if (!id || document.querySelector(".ts-wrapper.dropdown-active")) return;
    event.preventDefault();
    if (typed(id) && event.timeStamp - warned > AGAIN) {
      warned = event.timeStamp;
      return window.vendimia.toast(window.vendimia.word("escape"));
    }
    warned = -AGAIN;
    close(id);
  });

  new MutationObserver(update).observe(document.body, { childList: true, subtree: true });
  update();
})();
