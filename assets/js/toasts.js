/* Toasts: what went well leaves after ten seconds (not while pointed at or focused), errors stay until dismissed. */
(() => {
  "use strict";

  const SECONDS = 10;
  const MOST = 4;
  const waiting = new Map(); // toast -> timer
  const region = () => document.getElementById("toasts");

  function dismiss(toast) {
    clearTimeout(waiting.get(toast));
    waiting.delete(toast);
    toast.remove();
  }

  function start(toast) {
    if (toast.dataset.toast === "bad") return;
    clearTimeout(waiting.get(toast));
    waiting.set(toast, setTimeout(() => dismiss(toast), SECONDS * 1000));
  }

  function watch(toast) {
    if (waiting.has(toast)) return;
    waiting.set(toast, 0);
    start(toast);
    const all = region().querySelectorAll("[data-toast]");
    const ok = [...all].filter((each) => each.dataset.toast !== "bad");
    if (all.length > MOST && ok.length) dismiss(ok[0]);
  }

  /* For our own scripts: kind is "ok" or "bad". */
  function toast(message, kind = "ok") {
    const copy = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
    copy.querySelector("span").textContent = message;
    copy.dataset.toast = kind;
    copy.classList.toggle("is-bad", kind === "bad");
    if (kind !== "bad") copy.removeAttribute("role");
    const same = [...region().querySelectorAll("[data-toast] > span")].find((each) => each.textContent === message);
    if (same) dismiss(same.parentElement);
    region().append(copy);
  }

  window.vendimia.toast = toast;

  const paused = (event, run) => {
    const found = event.target.closest?.("[data-toast]");
    if (found) run(found);
  };
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => paused(event, (each) => clearTimeout(waiting.get(each))));
  }
  for (const name of ["pointerout", "focusout"]) {
    document.addEventListener(name, (event) => paused(event, (each) => {
      if (!each.matches(":hover") && !each.contains(document.activeElement)) start(each);
    }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-toast-close]");
    if (button) dismiss(button.closest("[data-toast]"));
  });

  /* Undo was asked for: the toast has done its work once the server has answered well. */
  document.addEventListener("htmx:finally:request", (event) => {
    const { ctx } = event.detail;
    const own = ctx.sourceElement?.closest?.("[data-toast]");
    if (own && ctx.response?.status < 400) dismiss(own);
  });

  /* htmx restores whole pages on "back", so the region may be replaced: watch the body for toasts that arrive. */
  new MutationObserver(() => {
    region()?.querySelectorAll("[data-toast]").forEach(watch);
    for (const each of waiting.keys()) if (!each.isConnected) waiting.delete(each);
  }).observe(document.documentElement, { childList: true, subtree: true });
  region()?.querySelectorAll("[data-toast]").forEach(watch);
})();
