"use strict";
(() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const search = document.getElementById("q"), count = document.getElementById("count");
  const texts = all("[data-text]").map((item) => [item, item.textContent.toLowerCase()]);
  const rows = all("tr[data-row]"), parts = all("svg [data-rows]"), nodes = all(".node");
  const numbers = (item) => item.dataset.rows.split(" ");

  const draw = (kept) => {
    for (const part of parts) {
      const is_on = kept === null || numbers(part).some((row) => kept.has(row));
      part.classList.toggle("off", !is_on);
      part.classList.toggle("on", is_on && kept !== null && part.tagName === "path");
    }
  };
  const release = () => nodes.forEach((node) => node.setAttribute("aria-pressed", "false"));
  const filter = () => {
    release();
    rows.forEach((row) => row.classList.remove("on"));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [item, text] of texts) {
      const is_shown = words.every((word) => text.includes(word));
      item.hidden = !is_shown;
      shown += is_shown ? 1 : 0;
    }
    count.textContent = words.length ? `${shown} of ${texts.length} entries` : "";
    draw(words.length ? new Set(rows.filter((row) => !row.hidden).map((row) => row.dataset.row)) : null);
  };
  const press = (node) => {
    const was = node.getAttribute("aria-pressed") === "true";
    release();
    node.setAttribute("aria-pressed", String(!was));
    const kept = was ? null : new Set(numbers(node));
    rows.forEach((row) => row.classList.toggle("on", kept !== null && kept.has(row.dataset.row)));
    draw(kept);
  };

  search.addEventListener("input", filter);
  document.addEventListener("keydown", (event) => {
    const node = event.target.closest && event.target.closest(".node");
    if (event.key === "/" && event.target !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape") {
      search.value = "";
      filter();
    } else if (node && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      press(node);
    } else if (node && event.key.startsWith("Arrow")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" || event.key === "ArrowRight" ? 1 : -1;
      nodes[(nodes.indexOf(node) + step + nodes.length) % nodes.length].focus();
    }
  });
  nodes.forEach((node) => node.addEventListener("click", () => press(node)));
  addEventListener("beforeprint", () => all("details").forEach((item) => (item.open = true)));
})();
