// One record: what it says, what belongs to it, and the other end of a copy.

import { get } from "./api.js";
import { byId, el } from "./dom.js";

export class Detail {
  constructor(showAccount, failed) {
    this.showAccount = showAccount;
    this.failed = failed;
    this.dialog = byId("detail");
    this.title = byId("detail-title");
    this.body = byId("detail-body");
    this.back = byId("detail-back");
    this.trail = [];
    this.back.addEventListener("click", () => {
      this.trail.pop();
      this.#load();
    });
    this.dialog.addEventListener("close", () => (this.trail = []));
  }

  open(system, type, id) {
    this.trail.push({ system, type, id });
    return this.#load();
  }

  async #load() {
    const asked = this.trail.at(-1);
    try {
      const record = await get("record", asked);
      if (asked !== this.trail.at(-1)) return;
      this.#show(record);
      if (!this.dialog.open) this.dialog.showModal();
      this.dialog.scrollTop = 0;
      this.title.focus();
    } catch (error) {
      this.trail.pop();
      if (!this.trail.length) this.dialog.close();
      this.failed(error);
    }
  }

  #show(record) {
    this.back.hidden = this.trail.length < 2;
    this.title.textContent = `${record.system} · ${record.type} ${record.id.split(":").at(-1)}`;
    const fields = record.fields.filter((field) => field.text !== "").flatMap((field) => [el("dt", {}, field.title), el("dd", {}, field.text)]);
    const parts = [el("dl.fields", {}, ...fields), this.#mark(record)];
    if (record.links.length) {
      parts.push(
        el(
          "section",
          { "aria-label": "What belongs to it" },
          el("h3", {}, "What belongs to it"),
          el("ul.links", {}, ...record.links.map((link) => this.#link(record.system, link))),
          record.more_links ? el("p.hint", {}, `and ${record.more_links} more`) : null,
        ),
      );
    }
    if (record.account) {
      const show = () => {
        this.dialog.close();
        this.showAccount(record.system, record.account);
      };
      parts.push(el("p", {}, el("button", { type: "button", onclick: show }, "Show only this account's records")));
    }
    parts.push(el("section", { "aria-label": "Record" }, el("h3", {}, "The record, as the books have it"), el("pre.raw", { tabindex: "0", "aria-label": "Record as JSON" }, record.raw)));
    this.body.replaceChildren(...parts.filter(Boolean));
  }

  #link(system, link) {
    const button = el("button.plain", { type: "button", onclick: () => this.open(system, link.type, link.id) }, link.id.replace(":", " "));
    return el("li", {}, el("span", {}, link.label), el("span", {}, button), el("span.money", {}, link.amount));
  }

  #mark(record) {
    if (!record.mark && !record.copied) return null;
    const found = el("div", { role: "status" });
    const button = el("button", { type: "button", onclick: () => this.#twins(record, button, found) }, record.mark ? "Find the other end" : "Find its copies");
    const text = record.mark ? ["Carries the mark ", el("code", {}, record.mark), ": unibill made it."] : ["Carries no mark: unibill did not make it."];
    return el("section.box", { "aria-label": "Copies" }, el("p", {}, ...text), button, found);
  }

  async #twins(record, button, found) {
    button.disabled = true;
    found.replaceChildren("Looking…");
    try {
      const { twins, searched } = await get("twins", { system: record.system, type: record.type, id: record.id });
      const lines = twins.map((twin) =>
        el(
          "li",
          {},
          el("span", {}, twin.how === "copied-from" ? "Copied from" : "Copied to"),
          el("span", {}, el("button.plain", { type: "button", onclick: () => this.open(twin.system, twin.type, twin.id) }, `${twin.system} ${twin.type} ${twin.id.replace(":", " ")}`)),
        ),
      );
      const missing = record.mark && !searched.length
        ? "The mark was made from an application's key, or from a system that is not here."
        : record.mark
          ? "What it was made from is no longer there."
          : "No record here carries a mark made from this one.";
      found.replaceChildren(lines.length ? el("ul.links", {}, ...lines) : missing);
    } catch (error) {
      found.replaceChildren(error.message);
    } finally {
      button.disabled = false;
    }
  }
}
