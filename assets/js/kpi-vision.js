/* The vision: pillars and objectives are dragged by their grips; the menus of each do the same by keyboard. The server
   decides, and its answer is the whole tree as it is then. */
(() => {
  "use strict";

  const tree = () => document.querySelector("#vision[data-move-url]");

  function move(item, list) {
    const url = tree().dataset.moveUrl.replace("/0/", `/${item.dataset.node}/`);
    const next = item.nextElementSibling?.dataset.node || "";
    const values = { version: item.dataset.version, parent_id: list.dataset.parent, before_id: next };
    window.htmx.ajax("POST", url, { source: "#vision", target: "#vision", swap: "outerHTML", values });
  }

  const options = (list) => ({
    group: list.dataset.sort,
    handle: "[data-grip]",
    draggable: "[data-node]",
    forceFallback: true,
    fallbackOnBody: true,
    fallbackTolerance: 4,
    ghostClass: "is-ghost",
    animation: 0,
    onEnd: (event) => {
      if (event.from !== event.to || event.oldIndex !== event.newIndex) move(event.item, event.to);
    },
  });

  function prepare() {
    if (!tree() || !window.Sortable) return;
    tree().querySelectorAll("[data-sort][data-parent]").forEach((list) => {
      if (!window.Sortable.get(list)) window.Sortable.create(list, options(list));
    });
  }

  /* What was moved keeps the cursor, so that the next step is one key away. */
  document.addEventListener("htmx:after:swap", () => {
    prepare();
    const moved = tree()?.dataset.moved;
    if (!moved) return;
    delete tree().dataset.moved;
    const node = document.getElementById(`node-${moved}`);
    node?.querySelector("summary")?.focus();
    window.vendimia.announce(tree().dataset.said.replace("{name}", node?.dataset.name || ""));
  });
  prepare();
})();
