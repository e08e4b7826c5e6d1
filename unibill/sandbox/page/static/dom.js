// Elements from data. Text is always set as text: what a vendor's record says is never markup.

export function el(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

export const byId = (id) => document.getElementById(id);

// A long id shows its end, which differs where the beginning is a time; the whole of it is in the title.
export function shortId(text) {
  return text.length > 16 ? `…${text.slice(-8)}` : text;
}

export const shortPath = (text) => text.replace(/[0-9A-Za-z-]{20,}/g, shortId);

// What happened today has a time, what happened before a date; the whole of it is in the title.
export function shortTime(text) {
  const when = new Date(text);
  if (Number.isNaN(when.valueOf())) return text;
  return when.toDateString() === new Date().toDateString() ? clock(when) : text.slice(0, 10);
}

export const clock = (when) => when.toLocaleTimeString("en-GB");

// Put new children in the place of the old ones and leave the focus where it was.
export function refill(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  node.replaceChildren(...children);
  if (focused) [...node.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused)?.focus();
}

export const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

export function plural(number, one, many = `${one}s`) {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

export function pager(offset, shown, total, size, go) {
  const first = total ? offset + 1 : 0;
  const button = (label, to, enabled) => el("button", { type: "button", "data-key": label, disabled: !enabled, onclick: () => go(to) }, label);
  return el(
    "nav.pager",
    { "aria-label": "Pages" },
    el("span", {}, total ? `${grouped(first)}–${grouped(offset + shown)} of ${grouped(total)}` : "none"),
    el(
      "div",
      {},
      button("First", 0, offset > 0),
      button("Newer", Math.max(0, offset - size), offset > 0),
      button("Older", offset + size, offset + shown < total),
      button("Last", Math.max(0, Math.floor((total - 1) / size) * size), offset + shown < total),
    ),
  );
}
