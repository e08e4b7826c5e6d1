"use strict";
/* A table of any number of rows of which only those in sight exist. Rows have one height, so where a row stands is a product. */
report.grid = (place, { columns, rows, caption, search, filters = [], open, hint, small = false }) => {
  const { el } = report;
  const height = 34;
  let order = Uint32Array.from(rows.keys());
  let sorted = { column: null, down: false };
  let first = -1;
  let last = -1;

  const field = el("input", { type: "search", placeholder: hint, autocomplete: "off", spellcheck: "false" });
  const selects = filters.map(({ label, options }) => el("select", { "aria-label": label }, el("option", { value: "" }, "all"), ...options.map(([value, text]) => el("option", { value }, text))));
  const tools = el("div", { class: "tools", role: "search" },
    el("label", { class: "search" }, "Search", field),
    ...filters.map(({ label }, i) => el("label", {}, label, selects[i])),
    el("button", { type: "button", onclick: () => clear() }, "Clear"));
  const told = el("p", { class: "told", role: "status", "aria-live": "polite" });
  const above = el("tr", { class: "pad", "aria-hidden": "true" }, el("td", { colspan: columns.length }));
  const below = el("tr", { class: "pad", "aria-hidden": "true" }, el("td", { colspan: columns.length }));
  const body = el("tbody", {}, above, below);
  const heads = columns.map((column, i) => el("th", { scope: "col", "aria-sort": "none", class: column.right ? "right" : null }, el("button", { type: "button", onclick: () => sort(i) }, column.title)));
  const table = el("table", { "aria-label": caption, "aria-rowcount": rows.length + 1 },
    el("colgroup", {}, ...columns.map((column) => { const col = el("col"); col.style.width = column.width; return col; })),
    el("thead", {}, el("tr", { "aria-rowindex": 1 }, ...heads)), body);
  const fixed = columns.reduce((all, column) => all + (parseFloat(column.width) || 11.5), 0);
  table.style.minWidth = `max(1120px, ${fixed}rem)`;
  const view = el("div", { class: small ? "window small" : "window", tabindex: "0", role: "region", "aria-label": `${caption}, scrolls` }, table);
  place.append(tools, told, view);

  const line = (index, at) => {
    const row = rows[index];
    return el("tr", { "aria-rowindex": at + 2, "data-index": index }, ...columns.map((column) => el(
      column.head ? "th" : "td",
      { scope: column.head ? "row" : null, class: [column.right ? "right" : "", column.id ? "id" : ""].join(" ").trim() || null, title: column.whole ? column.value(row) : null },
      column.cell ? column.cell(row) : column.value(row),
    )));
  };

  const paint = () => {
    const from = Math.max(0, Math.floor(view.scrollTop / height) - 8);
    const to = Math.min(order.length, Math.ceil((view.scrollTop + view.clientHeight) / height) + 8);
    if (from === first && to === last) return;
    const focused = document.activeElement && body.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.index : null;
    first = from;
    last = to;
    const lines = [];
    for (let at = from; at < to; at++) lines.push(line(order[at], at));
    above.firstChild.style.height = `${from * height}px`;
    below.firstChild.style.height = `${(order.length - to) * height}px`;
    body.replaceChildren(above, ...lines, below);
    if (focused !== null) {
      const again = body.querySelector(`tr[data-index="${focused}"] .open`);
      (again || view).focus({ preventScroll: true });
    }
  };

  const show = () => {
    first = last = -1;
    table.setAttribute("aria-rowcount", order.length + 1);
    told.textContent = order.length === rows.length ? `${report.count(rows.length)} shown` : `${report.count(order.length)} of ${report.count(rows.length)} shown`;
    view.scrollTop = 0;
    paint();
  };

  const hay = new Array(rows.length);
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tests = filters.map(({ test }, i) => [test, selects[i].value]).filter(([, value]) => value);
    const found = [];
    for (let i = 0; i < rows.length; i++) {
      if (!tests.every(([test, value]) => test(rows[i], value))) continue;
      if (words.length) {
        const text = (hay[i] ??= search(rows[i]).toLowerCase());
        if (!words.every((word) => text.includes(word))) continue;
      }
      found.push(i);
    }
    order = Uint32Array.from(found);
    arrange();
    show();
  };

  const keys = new Map();
  const arrange = () => {
    const { column, down } = sorted;
    if (column === null) return;
    if (!keys.has(column)) keys.set(column, rows.map(columns[column].key || columns[column].value));
    const of = keys.get(column);
    const sign = down ? -1 : 1;
    order.sort((a, b) => (of[a] < of[b] ? -sign : of[a] > of[b] ? sign : a - b));
  };
  const sort = (column) => {
    sorted = sorted.column !== column ? { column, down: false } : sorted.down ? { column: null, down: false } : { column, down: true };
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== sorted.column ? "none" : sorted.down ? "descending" : "ascending"));
    if (sorted.column === null) order.sort((a, b) => a - b);
    arrange();
    show();
  };

  const clear = () => {
    field.value = "";
    selects.forEach((select) => { select.value = ""; });
    filter();
    field.focus();
  };

  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, rows.length > 20000 ? 150 : 30);
  });
  selects.forEach((select) => select.addEventListener("change", filter));
  view.addEventListener("scroll", () => requestAnimationFrame(paint), { passive: true });
  body.addEventListener("click", (event) => {
    const button = event.target.closest(".open");
    if (button) open(rows[Number(button.closest("tr").dataset.index)]);
  });
  new ResizeObserver(paint).observe(view);
  show();
};

/* Text in which numbers sort by their size: 9 before 10. */
report.natural = (text) => (/^\d{1,18}$/.test(text) ? text.padStart(18, "0") : text.replace(/\d+/g, (digits) => digits.padStart(18, "0")));
