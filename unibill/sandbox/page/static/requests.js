// The last requests to the vendors' routes.

import { get } from "./api.js";
import { clock, el, pager, refill, shortPath } from "./dom.js";

const SIZE = 10;
const PAUSE = 200;

export class RequestLog {
  constructor(node, failed) {
    this.failed = failed;
    this.offset = 0;
    this.text = "";
    this.asked = 0;
    this.shown = "";
    this.search = el("input", { type: "search", placeholder: "Filter by method, path, status or fault", "aria-label": "Filter requests", spellcheck: "false" });
    this.search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.text = this.search.value.trim();
        this.offset = 0;
        this.refresh();
      }, PAUSE);
    });
    this.body = el("div");
    node.append(el("div.filter", {}, this.search), this.body);
  }

  async refresh() {
    const asked = ++this.asked;
    try {
      const page = await get("log", { offset: this.offset, count: SIZE, q: this.text });
      if (asked !== this.asked) return;
      const text = JSON.stringify([page.rows, page.total, this.offset]);
      if (text === this.shown) return;
      this.shown = text;
      this.#show(page);
    } catch (error) {
      if (asked === this.asked) this.failed(error);
    }
  }

  #show(page) {
    if (!page.rows.length) {
      refill(this.body, el("p.empty", {}, this.text ? "Nothing fits the filter." : "No requests yet. Point unibill, or any client, at the sandbox; Connect says how."));
      return;
    }
    const head = ["No.", "Time", "System", "Method", "Path", "Answer", "Fault"];
    const go = (offset) => {
      this.offset = offset;
      return this.refresh();
    };
    refill(
      this.body,
      el(
        "div.scroll",
        {},
        el("table", {}, el("thead", {}, el("tr", {}, ...head.map((title) => el(title === "Path" ? "th.path" : "th", { scope: "col" }, title)))), el("tbody", {}, ...page.rows.map(row))),
      ),
      pager(page.offset, page.rows.length, page.total, SIZE, go),
    );
  }
}

function row(entry) {
  const path = entry.query ? `${entry.path}?${entry.query}` : entry.path;
  const good = entry.status !== null && entry.status < 400;
  return el(
    "tr",
    {},
    el("td.time", {}, String(entry.number)),
    el("td.time", {}, clock(new Date(entry.time))),
    el("td", {}, entry.system),
    el("td.id", {}, entry.method),
    el("td.path", { title: path }, shortPath(path)),
    el(good ? "td.answer" : "td.answer.refused", {}, entry.status === null ? "no answer" : String(entry.status)),
    el("td", {}, entry.fault ? el("span.chip.fault", {}, entry.fault) : null),
  );
}
