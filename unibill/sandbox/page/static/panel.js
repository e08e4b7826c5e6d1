// One system: where its accounts stand, and its tables, a page at a time.

import { get } from "./api.js";
import { el, grouped, pager, plural, refill, shortId, shortTime } from "./dom.js";

const SIZE = 10;
const PAUSE = 200;

export class Panel {
  constructor(name, open, failed) {
    this.name = name;
    this.open = open;
    this.failed = failed;
    this.type = null;
    this.account = "";
    this.text = "";
    this.offset = 0;
    this.shown = "";
    this.asked = 0;
    this.seen = null;
    this.settled = true;
    const id = `title-${name}`;
    this.note = el("p");
    this.tabs = el("div.tabs", { role: "tablist", "aria-label": `Tables of ${name}` });
    this.tabs.addEventListener("keydown", (event) => this.#step(event));
    this.search = el("input", { type: "search", placeholder: "Filter by any text: id, amount, state, mark", "aria-label": `Filter ${name}`, spellcheck: "false" });
    this.search.addEventListener("input", () => this.#typed());
    this.chip = el("span.chip", { hidden: true });
    this.sums = el("div");
    this.details = el("details.sums", { ontoggle: () => this.refresh() }, el("summary", {}, "Sums of these records"), this.sums);
    this.body = el("div.table", { role: "tabpanel", "aria-label": `Records of ${name}` });
    this.node = el(
      "section.panel",
      { "aria-labelledby": id, "data-system": name },
      el("header.panel-head", {}, el("h2", { id }, name), this.note),
      this.tabs,
      el("div.filter", {}, this.search, this.chip),
      this.details,
      this.body,
    );
  }

  // What the overview says: counts and where accounts stand.
  tell(overview) {
    this.types = overview.types;
    this.type ??= (this.types.find((each) => each.role === "credit") ?? this.types[0])?.name;
    this.note.textContent = overview.marked ? `${plural(overview.marked, "record carries", "records carry")} a unibill mark` : "";
    refill(
      this.tabs,
      ...this.types.map((each) =>
        el(
          "button",
          {
            type: "button",
            role: "tab",
            "data-key": each.name,
            "aria-selected": String(each.name === this.type),
            tabindex: each.name === this.type ? "0" : "-1",
            onclick: () => this.choose(each.name),
          },
          each.title,
          el("span.n", {}, grouped(each.count)),
        ),
      ),
    );
  }

  choose(type, { account = this.account, text = this.text } = {}) {
    this.type = type;
    this.account = account;
    this.text = text;
    this.offset = 0;
    this.search.value = text;
    this.seen = null;
    for (const tab of this.tabs.children) {
      const chosen = tab.dataset.key === type;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    return this.refresh();
  }

  async refresh() {
    if (!this.type) {
      refill(this.body, el("p.empty", {}, "No records."));
      return;
    }
    const asked = ++this.asked;
    const query = { system: this.name, type: this.type, offset: this.offset, count: SIZE, account: this.account, q: this.text, sums: this.details.open };
    try {
      const page = await get("records", query);
      if (asked !== this.asked) return;
      if (!page.rows.length && page.total && this.offset) {
        this.offset = 0;
        await this.refresh();
        return;
      }
      this.settled = page.settled;
      this.#show(page, query);
    } catch (error) {
      if (asked === this.asked) this.failed(error);
    }
  }

  #show(page, query) {
    const kind = this.types.find((each) => each.name === this.type);
    const text = JSON.stringify([kind, query, page.rows, page.total, page.sums]);
    if (text === this.shown) return;
    this.shown = text;
    this.chip.hidden = !this.account;
    this.chip.replaceChildren(
      `account ${shortId(this.account)}`,
      el("button", { type: "button", "aria-label": "Show all accounts", onclick: () => this.choose(this.type, { account: "" }) }, "✕"),
    );
    this.sums.replaceChildren(page.sums.length ? sumTable(page.sums) : el("p.empty", {}, "Nothing to add up."));
    const before = this.seen;
    const first = this.offset === 0 && before !== null && before.size > 0;
    this.seen = new Set(page.rows.map((row) => row.id));
    if (!page.rows.length) {
      refill(this.body, el("p.empty", {}, this.text || this.account ? "Nothing fits the filter." : "No records."));
      return;
    }
    const go = (offset) => {
      this.offset = offset;
      this.seen = null;
      return this.refresh();
    };
    refill(
      this.body,
      el(
        "div.scroll",
        {},
        el(
          "table",
          {},
          el("thead", {}, el("tr", {}, ...kind.columns.map((column) => el(`th.${column.kind}`, { scope: "col" }, column.title)))),
          el("tbody", {}, ...page.rows.map((row) => this.#row(kind, row, first && !before.has(row.id)))),
        ),
      ),
      pager(page.offset, page.rows.length, page.total, SIZE, go),
    );
  }

  #row(kind, row, fresh) {
    const open = () => this.open(this.name, kind.name, row.id);
    const cells = kind.columns.map((column, index) => {
      const text = row.cells[index];
      if (index === 0) {
        const button = el("button.plain", { type: "button", title: text, "data-key": row.id, onclick: (event) => (event.stopPropagation(), open()) }, shortId(text));
        return el("td.id", {}, button, row.mark ? el("span.chip.mark", { title: row.mark }, "mark") : null);
      }
      if (column.kind === "account") return el("td.account", { title: text }, shortId(text));
      if (column.kind === "time") return el("td.time", { title: text }, shortTime(text));
      return el(`td.${column.kind}`, column.kind === "text" ? { title: text } : {}, text);
    });
    return el(fresh ? "tr.opens.fresh" : "tr.opens", { onclick: open }, ...cells);
  }

  #typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.choose(this.type, { text: this.search.value.trim() }), PAUSE);
  }

  #step(event) {
    const tabs = [...this.tabs.children];
    const to = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const index = tabs.indexOf(document.activeElement);
    if (!to || index < 0) return;
    const next = tabs[(index + to + tabs.length) % tabs.length];
    next.focus();
    next.click();
  }
}

function sumTable(sums) {
  const titles = [...new Set(sums.flatMap((sum) => Object.keys(sum.amounts)))];
  const labelled = sums.some((sum) => sum.label);
  const head = [...(labelled ? ["Of"] : []), "Currency"].map((title) => el("th", { scope: "col" }, title));
  const row = (sum) =>
    el(
      "tr",
      {},
      labelled ? el("td", {}, sum.label) : null,
      el("td", {}, sum.currency),
      el("td.number", {}, grouped(sum.count)),
      ...titles.map((title) => el("td.money", {}, sum.amounts[title] ?? "")),
    );
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...head, el("th.number", { scope: "col" }, "Records"), ...titles.map((title) => el("th.money", { scope: "col" }, title)))),
    el("tbody", {}, ...sums.map(row)),
  );
}
