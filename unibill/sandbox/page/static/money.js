// Where the accounts of all systems stand, side by side, and what has changed since a moment that the reader chose.

import { byId, clock, el } from "./dom.js";

// Decimal texts are subtracted as whole numbers: no digit of an amount passes through a float.
export function difference(left, right) {
  const [a, b] = [left, right].map((text) => text.split("."));
  const scale = Math.max(a[1]?.length ?? 0, b[1]?.length ?? 0);
  const [x, y] = [a, b].map(([whole, fraction = ""]) => BigInt(whole + fraction.padEnd(scale, "0")));
  const gap = x - y;
  if (gap === 0n) return "";
  const digits = String(gap < 0n ? -gap : gap).padStart(scale + 1, "0");
  const text = scale ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits;
  return `${gap < 0n ? "−" : "+"}${text}`;
}

const COLUMNS = [
  ["to_spend", "Credit left to spend"],
  ["owed", "Owed on invoices"],
];

export class Money {
  constructor(node) {
    this.body = node;
    this.base = new Map();
    this.since = null;
    this.systems = [];
    byId("compare").addEventListener("click", () => this.remember());
  }

  tell(systems) {
    this.systems = systems;
    if (this.since) this.#show();
    else this.remember();
  }

  // Changes are counted from now.
  remember() {
    this.since = new Date();
    this.base = new Map(this.systems.flatMap(({ name, standing }) => standing.map((each) => [`${name} ${each.currency}`, each])));
    this.#show();
  }

  #show() {
    const named = new Map(this.systems.map(({ name, standing }) => [name, new Map(standing.map((each) => [each.currency, each]))]));
    const currencies = [...new Set([...this.systems.flatMap(({ standing }) => standing.map((each) => each.currency)), ...[...this.base.keys()].map((key) => key.split(" ").at(-1))])].sort();
    byId("since").textContent = currencies.length ? `Changes since ${clock(this.since)}` : "";
    byId("compare").hidden = !currencies.length;
    if (!currencies.length) {
      this.body.replaceChildren(el("p.empty", {}, "No money on the books."));
      return;
    }
    const names = [...named.keys()];
    const cell = (field, name, code) => {
      const [now, then] = [named.get(name).get(code)?.[field], this.base.get(`${name} ${code}`)?.[field]];
      if (now === undefined && then === undefined) return el("td.money.absent", {}, "–");
      const changed = difference(now ?? "0", then ?? "0");
      return el("td.money", {}, changed ? el("span.change", {}, changed) : null, now ?? "0");
    };
    const heads = COLUMNS.map(([, title]) => el("th.over", { colspan: names.length, scope: "colgroup" }, title));
    this.body.replaceChildren(
      el(
        "div.scroll",
        {},
        el(
          "table.sides",
          {},
          el(
            "thead",
            {},
            el("tr", {}, el("td", {}), ...heads),
            el("tr", {}, el("th", { scope: "col" }, "Currency"), ...COLUMNS.flatMap(() => names.map((name) => el("th.money", { scope: "col" }, name)))),
          ),
          el(
            "tbody",
            {},
            ...currencies.map((code) => el("tr", {}, el("th", { scope: "row" }, code), ...COLUMNS.flatMap(([field]) => names.map((name) => cell(field, name, code))))),
          ),
        ),
      ),
    );
  }
}
