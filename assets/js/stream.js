/* The box for notes and files: suggestions behind "@", files chosen or dropped, dialogs that close when it is done. */
(() => {
  "use strict";

  const PAUSE = 120; // ms between the last key and the question for names
  const LONGEST = 40; // letters behind an "@" that may still be a name

  /* ---------- "@" ---------- */

  let open = null; // { field, list, from } while suggestions are shown
  let asked = 0;
  let timer = 0;

  /* Where the "@" stands that the cursor is behind; -1 for none. */
  function begun(field) {
    const before = field.value.slice(Math.max(0, field.selectionStart - LONGEST - 1), field.selectionStart);
    const found = /(?:^|[\s(])@([^@\n]*)$/.exec(before);
    return found ? field.selectionStart - found[1].length - 1 : -1;
  }

  function close() {
    if (!open) return;
    open.field.removeAttribute("aria-activedescendant");
    open.field.setAttribute("aria-expanded", "false");
    open.list.remove();
    open = null;
  }

  async function suggest(field) {
    const from = begun(field);
    if (from < 0) return close();
    const mine = ++asked;
    const q = field.value.slice(from + 1, field.selectionStart);
    let people = [];
    try {
      const answer = await fetch(`${field.form.dataset.mentions}?q=${encodeURIComponent(q)}`, { headers: { Accept: "application/json" } });
      if (answer.ok) people = await answer.json();
    } catch {
      return; // no connection: the name can be typed in full
    }
    if (mine !== asked || begun(field) !== from) return;
    close();
    if (!people.length || (people.length === 1 && people[0].text === q)) return;
    show(field, from, people);
  }

  function show(field, from, people) {
    const list = document.createElement("ul");
    list.className = "v-mentions";
    list.id = "mentions";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", field.getAttribute("aria-label"));
    list.append(...people.map((person, i) => {
      const item = document.createElement("li");
      item.id = `mention-${i}`;
      item.setAttribute("role", "option");
      item.dataset.value = person.value;
      item.dataset.name = person.text;
      const face = document.createElement("span");
      face.className = `v-av v-av-${person.colour}`;
      face.setAttribute("aria-hidden", "true");
      face.textContent = person.initials;
      const name = document.createElement("span");
      name.textContent = person.text;
      item.append(face, name);
      return item;
    }));
    field.after(list);
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-autocomplete", "list");
    open = { field, list, from };
    select(list.firstElementChild);
  }

  function select(item) {
    for (const each of open.list.children) each.setAttribute("aria-selected", String(each === item));
    open.field.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  }

  function choose(item) {
    const { field, from } = open;
    const name = `@${item.dataset.name} `;
    field.setRangeText(name, from, field.selectionStart, "end");
    const chosen = document.createElement("input");
    Object.assign(chosen, { type: "hidden", name: "mention", value: item.dataset.value });
    field.form.append(chosen);
    close();
    field.focus();
  }

  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("[data-mentions] textarea")) return;
    clearTimeout(timer);
    if (begun(event.target) < 0) return close();
    timer = setTimeout(() => suggest(event.target), PAUSE);
  });

  document.addEventListener("keydown", (event) => {
    if (!open || event.target !== open.field) return;
    const now = open.list.querySelector("[aria-selected=true]");
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") select(now.nextElementSibling || open.list.firstElementChild);
    else if (event.key === "ArrowUp") select(now.previousElementSibling || open.list.lastElementChild);
    else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") choose(now);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("mousedown", (event) => {
    const item = event.target.closest?.(".v-mentions li");
    if (!item) return;
    event.preventDefault(); // the field keeps the cursor
    choose(item);
  });

  document.addEventListener("focusout", (event) => {
    if (open && event.target === open.field) close();
  });

  /* Escape leaves a note that is being changed as it was. */
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const form = event.target.closest?.(".v-note-box.is-edit");
    if (!form) return;
    event.preventDefault();
    form.querySelector("[data-cancel]").click();
  });

  /* ---------- Files ---------- */

  const box = () => document.getElementById("file-box");

  function send(form) {
    const files = [...form.querySelector("input[type=file]").files];
    if (!files.length) return;
    if (files.some((file) => file.size > Number(form.dataset.largest))) {
      form.reset();
      return window.vendimia.toast(form.dataset.tooLarge, "bad");
    }
    form.requestSubmit();
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("#file-box input[type=file]")) send(event.target.form);
  });

  const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const zone = () => document.querySelector("[data-drop]");

  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event) || !zone()) return;
    event.preventDefault(); // else the browser would open the file and leave the page
    const over = Boolean(event.target.closest?.("#tab"));
    event.dataTransfer.dropEffect = over ? "copy" : "none";
    zone().classList.toggle("is-drop", over);
  });

  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone()?.classList.remove("is-drop");
  });

  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event) || !zone()) return;
    event.preventDefault();
    zone().classList.remove("is-drop");
    if (!event.target.closest?.("#tab") || box().dataset.underWay) return;
    box().querySelector("input[type=file]").files = event.dataTransfer.files;
    send(box());
  });

  /* What was refused must be choosable again. */
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.detail.ctx.sourceElement?.id === "file-box") event.detail.ctx.sourceElement.reset();
  });

  /* ---------- After it is done ---------- */

  document.addEventListener("htmx:after:swap", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (sourceElement?.matches?.("#dialog [data-closes]") && response?.status < 400) window.vendimia.close("dialog");
    // A note was saved: the next one can be written at once.
    if (sourceElement?.id === "note-box" && response?.status === 200) document.getElementById("note-text")?.focus();
  });
})();
