/* What the other scripts share: translated sentences, announcements, and what happens when a request fails.
   Delegated listeners only, so fragments need no set-up. */
(() => {
  "use strict";

  /* A sentence from <template id="words">, in the page's language. */
  function word(key) {
    const found = document.getElementById("words")?.content.querySelector(`[data-key="${key}"]`);
    return found ? found.textContent : "";
  }

  function announce(sentence) {
    const place = document.getElementById("announce");
    if (place) place.textContent = sentence;
  }

  window.vendimia = { word, announce };

  const has = (element, name) => element?.hasAttribute?.(name);

  /* The server answers an htmx request that failed with a toast of its own (core/_error.html). Where it could not,
     the status says what to tell. A source with hx-status for this code shows the answer itself. */
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    const status = ctx.response.status;
    if (has(ctx.sourceElement, `hx-status:${status}`)) return;
    if (/hx-target="#toasts"/.test(ctx.text || "")) return;
    if (ctx.response.headers.get("HX-Redirect") || ctx.response.headers.get("HX-Location")) return;
    window.vendimia.toast(word(status) || word(status >= 500 ? "5xx" : "422"), "bad");
  });

  document.addEventListener("htmx:error", (event) => {
    const { ctx, error } = event.detail;
    if (!ctx?.request) return console.error(error);
    if (has(ctx.sourceElement, "data-silent")) return; // polling tries again by itself
    const late = error?.name === "TimeoutError" || ctx.request.signal?.reason === "timeout";
    if (late) window.vendimia.toast(word("timeout"), "bad");
    else if (!ctx.response) window.vendimia.toast(word("offline"), "bad");
    else console.error(error);
  });

  /* htmx copies the style attribute of elements that keep their id; an empty one, left behind by a script that set and
     cleared a style, would break the content security policy. */
  document.addEventListener("htmx:before:swap", () => {
    for (const each of document.querySelectorAll("[id][style='']")) each.removeAttribute("style");
  });

  /* A fragment says where the cursor belongs; else it stays where it was. A form that comes back replaces itself. */
  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail.ctx?.target;
    if (!(target instanceof Element)) return;
    const form = target.matches(".v-form") ? document.querySelector(".v-form") : null;
    const wanted = (target.isConnected ? target : form)?.querySelector("[aria-invalid='true'], [data-autofocus]");
    if (wanted && !wanted.closest(".ts-hidden-accessible")) wanted.focus({ preventScroll: false });
  });
})();
