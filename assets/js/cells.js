/* Lists: arrow keys go from cell to cell; Enter, "e" or a double click edits one in place, Tab saves and goes on to the
   next, Escape leaves it as it was (assets/js/edit.js). A save answers with the one cell. */
(() => {
  "use strict";

  let following = null; // id of the cell to open once this one is saved
  let opening = null; // the cell whose control has been asked for
  let ahead = []; // keys pressed meanwhile: who types fast loses nothing
  let pointer = ""; // what the last press was made with: fingers tap, they do not double-click

  const cellOf = (element) => element?.closest?.(".v-rows tbody td");
  const editable = (cell) => Boolean(cell?.dataset.edit);
  const typing = (element) => element?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], .ts-wrapper");

  function open(cell) {
    leaveOthers();
    opening = cell.id;
    ahead = [];
    window.htmx.ajax("GET", cell.dataset.edit, { source: cell, target: cell, swap: "outerHTML" });
  }

  /* The control is there: it gets what was typed ahead. */
  function catchUp() {
    const form = document.getElementById(opening)?.querySelector("form[data-cell-form]");
    const keys = ahead;
    opening = null;
    ahead = [];
    if (!form || !keys.length) return;
    const last = keys.find((key) => key.length > 1);
    const text = keys.slice(0, last ? keys.indexOf(last) : undefined).join("");
    const field = form.querySelector("input:not([type=hidden], [type=date], [type=checkbox]), textarea");
    if (text && field && !field.closest(".ts-wrapper")) field.value = text;
    window.htmx.process(form);
    if (last === "Enter") form.requestSubmit();
    else if (last) goOn(form, false);
  }

  const asked = (event) => opening && event.detail.ctx?.sourceElement?.id === opening;
  document.addEventListener("htmx:finally:swap", (event) => { if (asked(event)) catchUp(); });
  document.addEventListener("htmx:finally:request", (event) => { if (asked(event)) opening = null; });

  /* Whatever was opened and not touched closes again. */
  function leaveOthers() {
    for (const form of document.querySelectorAll("form[data-cell-form]")) {
      if (!changed(form)) form.dispatchEvent(new CustomEvent("vendimia:leave", { bubbles: true }));
    }
  }

  function changed(form) {
    return [...form.elements].some((each) => {
      if (!each.name || each.type === "hidden") return false;
      if (each.type === "checkbox") return each.checked !== each.defaultChecked;
      if (each.tagName === "SELECT") {
        const before = [...each.options].find((option) => option.defaultSelected) || each.options[0];
        return each.value !== (before?.value ?? "");
      }
      return each.value !== each.defaultValue;
    });
  }

  function focusOn(cell) {
    if (!cell) return;
    const link = cell.matches(".v-main-cell") ? cell.querySelector("a") : null;
    const box = cell.querySelector("[data-tick]");
    if (!link && !box) cell.tabIndex = -1;
    (link || box || cell).focus();
  }

  function step(cell, key) {
    const row = cell.parentElement;
    if (key === "ArrowLeft") return cell.previousElementSibling;
    if (key === "ArrowRight") return cell.nextElementSibling;
    const other = key === "ArrowUp" ? row.previousElementSibling : row.nextElementSibling;
    return other?.children[cell.cellIndex];
  }

  /* The next cell that can be edited, in this row or one beside it. */
  function beside(cell, back) {
    const cells = [...cell.closest("tbody").querySelectorAll("td[data-editable]")];
    return cells[cells.indexOf(cell) + (back ? -1 : 1)] || null;
  }

  document.addEventListener("pointerdown", (event) => { pointer = event.pointerType; });

  document.addEventListener("dblclick", (event) => {
    const cell = cellOf(event.target);
    if (!editable(cell) || pointer === "touch" || event.target.closest("a")) return;
    event.preventDefault();
    window.getSelection()?.removeAllRanges();
    open(cell);
  });

  document.addEventListener("click", (event) => {
    const cell = cellOf(event.target);
    if (editable(cell) && !event.target.closest("a, button, input, select, textarea, label")) cell.focus({ preventScroll: true });
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const form = event.target.closest?.("form[data-cell-form]");
    if (form) return inForm(event, form);
    if (opening) return keep(event);
    const cell = cellOf(event.target);
    if (typing(event.target) || window.vendimia.layerOpen()) return;
    if (!cell) return fromOutside(event);
    if (event.key.startsWith("Arrow")) {
      const next = step(cell, event.key);
      if (next) event.preventDefault();
      focusOn(next);
    } else if (editable(cell) && (event.key === "e" || event.key === "F2" || (event.key === "Enter" && event.target === cell))) {
      event.preventDefault();
      open(cell);
    }
  });

  function keep(event) {
    if (event.key.length > 1 && !["Enter", "Tab"].includes(event.key)) return;
    event.preventDefault();
    ahead.push(event.key);
  }

  /* From the list as a whole the arrow leads to its first cell. */
  function fromOutside(event) {
    if (event.key !== "ArrowDown" || !event.target.matches?.(".v-table-wrap")) return;
    const first = event.target.querySelector("tbody tr > td:not(.v-tick)");
    if (!first) return;
    event.preventDefault();
    focusOn(first);
  }

  function inForm(event, form) {
    if (["Tab", "Enter"].includes(event.key)) window.htmx.process(form); // a form that came this instant is not htmx's yet
    if (event.key === "Tab") {
      event.preventDefault();
      goOn(form, event.shiftKey);
    } else if (event.key === "Enter" && event.target.matches("select, input[type=checkbox]")) {
      event.preventDefault();
      form.requestSubmit();
    }
  }

  function goOn(form, back) {
    const cell = cellOf(form);
    const next = beside(cell, back);
    if (changed(form)) {
      following = next?.id || null;
      return form.requestSubmit();
    }
    form.dispatchEvent(new CustomEvent("vendimia:leave", { bubbles: true }));
    if (next) open(document.getElementById(next.id));
  }

  /* Saved: the cell has the focus again, or the next one opens. */
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement?.matches?.("form[data-cell-form]")) return;
    const saved = ctx.response?.status === 200;
    const own = cellOf(ctx.sourceElement)?.id;
    const next = saved ? following : null;
    following = null;
    if (saved) document.addEventListener("htmx:finally:swap", () => settle(own, next), { once: true });
  });

  function settle(own, next) {
    const cell = document.getElementById(next || own);
    if (next && editable(cell)) open(cell);
    else focusOn(cell);
  }
})();
