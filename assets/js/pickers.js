/* Long choices become searchable: every <select data-picker>, in one place, whenever a fragment arrives.
   data-search-url answers GET ?q= with JSON [{value, text}] or [[value, text], …]. The select carries hx-morph-skip,
   as a morphing swap would erase what is built around it. */
(() => {
  "use strict";

  const word = (key) => window.vendimia.word(key);
  const FEW = 8;
  const ASKED_AFTER = 200; // milliseconds without another letter

  function options(answer) {
    const rows = Array.isArray(answer) ? answer : answer.options || answer.results || [];
    return rows.map((row) => (Array.isArray(row) ? { value: String(row[0]), text: row[1] } : { ...row, value: String(row.value ?? row.id), text: row.text ?? row.label }));
  }

  function loader(url) {
    return function load(query, done) {
      const address = new URL(url, location.href);
      address.searchParams.set("q", query);
      fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" })
        .then((answer) => (answer.ok ? answer.json() : []))
        .then((answer) => { this.clearOptions((option) => this.items.includes(String(option.value))); done(options(answer)); })
        .catch(() => done());
    };
  }

  /* Enter chooses from the answer to what is typed, not from the list that was there before it came. */
  function patient(picker) {
    let typed = -Infinity;
    let waiting = 0;
    const behind = () => picker.loading > 0 || performance.now() - typed < ASKED_AFTER + 50;

    function choose() {
      if (behind()) return (waiting = setTimeout(choose, 50));
      waiting = 0;
      if (picker.isOpen && picker.activeOption) picker.onOptionSelect(new Event("answer"), picker.activeOption);
    }

    picker.wrapper.addEventListener("input", () => {
      typed = performance.now();
      clearTimeout(waiting);
      waiting = 0;
    }, true);
    picker.wrapper.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !picker.isOpen || !behind()) return;
      event.preventDefault();
      event.stopPropagation();
      if (!waiting) choose();
    }, true);
  }

  /* Letters typed before the list has the focus, which it gets an instant after the click, are typed into it. */
  function eager(picker) {
    picker.control.addEventListener("keydown", (event) => {
      if (event.target !== picker.control || event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
      event.stopImmediatePropagation();
      picker.open();
      picker.control_input.focus();
    }, true);
  }

  function build(select) {
    if (select.tomselect || typeof window.TomSelect === "undefined") return;
    const url = select.dataset.searchUrl;
    if (!url && select.options.length <= FEW) return; // the browser's own list is better for a few
    select.setAttribute("hx-morph-skip", "");
    const invalid = select.getAttribute("aria-invalid");
    const notes = select.getAttribute("aria-describedby");
    const picker = new window.TomSelect(select, {
      allowEmptyOption: true,
      maxOptions: 200,
      create: false,
      hideSelected: false,
      preload: url ? "focus" : false,
      searchField: url ? [] : ["text"],
      // The server has chosen; only "none of them" gives way while something is searched for.
      score: url ? (query) => (option) => (query && option.value === "" ? 0 : 1) : undefined,
      refreshThrottle: 0,
      load: url ? loader(url) : undefined,
      loadThrottle: ASKED_AFTER,
      placeholder: word("type-more"),
      hidePlaceholder: true,
      plugins: { dropdown_input: {} , ...(select.multiple ? { remove_button: {} } : {}) },
      dropdownParent: null,
      render: {
        option: (data, quote) => `<div${data.text ? "" : " class=\"is-none\""}>${quote(data.text || word("none"))}</div>`,
        no_results: () => `<div class="no-results">${escape(word("no-results"))}</div>`,
      },
    });
    if (url) patient(picker);
    eager(picker);
    const shown = picker.wrapper.querySelector(".items-placeholder");
    if (shown) shown.placeholder = select.dataset.placeholder || word("choose");
    select.setAttribute("aria-hidden", "true"); // the control that is shown has the label now
    if (invalid) picker.control_input.setAttribute("aria-invalid", invalid);
    if (notes) picker.control_input.setAttribute("aria-describedby", notes);
  }

  function escape(text) {
    const holder = document.createElement("i");
    holder.textContent = text;
    return holder.innerHTML;
  }

  /* Tags: what is typed becomes one, and those in use (the list beside the line) are offered. */
  function buildTags(line) {
    if (line.tomselect || typeof window.TomSelect === "undefined") return;
    const used = [...(line.list ? line.list.options : [])].map((option) => ({ value: option.value, text: option.value }));
    line.removeAttribute("list");
    line.setAttribute("hx-morph-skip", "");
    const picker = new window.TomSelect(line, {
      create: true,
      createOnBlur: true,
      persist: true,
      delimiter: ",",
      maxItems: 20,
      options: used,
      render: {
        option_create: (data, quote) => `<div class="create">${escape(word("add-tag"))} <b>${quote(data.input)}</b></div>`,
        no_results: () => "",
      },
      plugins: { remove_button: { title: word("remove") } },
    });
    line.setAttribute("aria-hidden", "true"); // the control that is shown has the label now
    if (line.getAttribute("aria-invalid")) picker.control_input.setAttribute("aria-invalid", "true");
    if (line.getAttribute("aria-describedby")) picker.control_input.setAttribute("aria-describedby", line.getAttribute("aria-describedby"));
  }

  function buildAll(root) {
    if (root.matches?.("select[data-picker]")) build(root);
    if (root.matches?.("input[data-tags]")) buildTags(root);
    root.querySelectorAll?.("select[data-picker]").forEach(build);
    root.querySelectorAll?.("input[data-tags]").forEach(buildTags);
  }

  document.addEventListener("htmx:before:cleanup", (event) => {
    if (event.target.tomselect) event.target.tomselect.destroy();
  });
  document.addEventListener("htmx:after:process", (event) => buildAll(event.target));
  buildAll(document);
})();
