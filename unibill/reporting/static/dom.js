"use strict";
/* What the page's other scripts share. Texts are only ever set as text, never as markup. */
const report = {};

report.el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

/* Digits in groups of three, never through a floating number. */
report.grouped = (text) => {
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(text);
  if (!match) return text;
  return (match[1] ? "−" : "") + match[2].replace(/\B(?=(\d{3})+$)/g, "\u202f") + (match[3] || "");
};

report.count = (number) => report.grouped(String(number));

report.symbols = { carried: "✓", existed: "=", waiting: "…", undone: "↶", failed: "✕", unknown: "?", conflict: "≠", blocked: "■", skipped: "–" };
report.signs = { "=": "same", "-": "missing", "+": "extra", "*": "differs", "!": "unreadable" };

report.outcome = (name) =>
  report.el("span", { class: `outcome ${name}` }, report.el("span", { class: "symbol", "aria-hidden": "true" }, report.symbols[name] || ""), ` ${name}`);

report.sign = (sign) => report.el("span", { class: `sign ${sign === "=" ? "same" : sign ? "differs" : "none"}` }, sign ? `${sign === "=" ? "✓" : "✕"} ${report.signs[sign]}` : "not compared");

/* The lines of a packed text, in blocks, so that the page stays alive meanwhile. */
report.unpacked = async function* (id) {
  const text = document.getElementById(id).textContent.trim();
  let at = 0;
  const packed = new ReadableStream({
    pull(controller) {
      if (at >= text.length) return controller.close();
      const part = atob(text.slice(at, (at += 1 << 18)));
      controller.enqueue(Uint8Array.from(part, (character) => character.charCodeAt(0)));
    },
  });
  const reader = packed.pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    yield lines;
  }
  if (rest) yield [rest];
};
