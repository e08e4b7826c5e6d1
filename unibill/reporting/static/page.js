"use strict";
(async () => {
  const { el } = report;
  document.documentElement.classList.add("js");
  report.charts(JSON.parse(document.getElementById("chart-data").textContent));

  const off = document.getElementById("grid-off");
  if (typeof DecompressionStream === "undefined") {
    document.documentElement.classList.remove("js");
    off.textContent = "This browser cannot unpack the records; a newer one can. The CSV files have them all.";
    return;
  }
  off.textContent = "Unpacking the records…";

  /* Rows as objects; texts of the dictionary in their places. */
  const unpack = async (packed, names, shared) => {
    const texts = [];
    const rows = [];
    const of = (value) => (typeof value === "number" ? texts[value] : value);
    for await (const lines of report.unpacked(packed)) {
      for (const line of lines) {
        if (!line) continue;
        const value = JSON.parse(line);
        if (typeof value === "string") texts.push(value);
        else rows.push(Object.fromEntries(names.map((name, i) => [name, shared.includes(name) ? of(value[i]) : value[i]])));
      }
      await new Promise((next) => setTimeout(next));
    }
    return { rows, of };
  };
  const number = (name) => (row) => (row[name] === "" ? -Infinity : Number(row[name]));
  const id = (name) => (row) => report.natural(row[name]);
  const amount = (name) => (row) => report.grouped(row[name]);
  const counted = (rows, name) => {
    const counts = new Map();
    for (const row of rows) counts.set(row[name], (counts.get(row[name]) || 0) + 1);
    return [...counts].filter(([value]) => value !== "").sort((a, b) => b[1] - a[1]);
  };
  const choices = (rows, name, named = (value) => value) => counted(rows, name).map(([value, count]) => [value, `${named(value)} (${report.count(count)})`]);
  /* A cut off amount would be read as a smaller one, so the column is as wide as its longest. */
  const sum = (rows, title, name) => {
    const longest = rows.reduce((most, row) => Math.max(most, row[name].length), 0);
    return { title, width: `${Math.max(6.9, 1.3 + 0.57 * longest, 1.3 + 0.53 * title.length)}rem`, right: true, value: amount(name), key: number(name) };
  };

  if (document.getElementById("account-data")) {
    const { rows } = await unpack("account-data", ["account", "form", "currency", "sources", "created", "before", "carried", "waiting", "expected", "found", "sign"], ["form", "currency"]);
    const waits = rows.some((row) => Number(row.waiting) !== 0);
    const grid = document.getElementById("accounts-grid");
    grid.hidden = false;
    report.grid(grid, {
      small: true,
      rows,
      caption: "Accounts, before and after",
      hint: "account…",
      search: (row) => `${row.account}\n${row.sources}`,
      columns: [
        { title: "Account", width: "auto", value: (row) => row.account, key: id("account"), id: true, head: true, whole: true },
        { title: "From", width: "6rem", value: (row) => row.sources, key: id("sources"), id: true, whole: true },
        ...(new Set(rows.map((row) => row.form)).size > 1 ? [{ title: "Of", width: "4.4rem", value: (row) => row.form }] : []),
        { title: "Cur.", width: "3.4rem", value: (row) => row.currency },
        { title: "Created", width: "4.8rem", right: true, value: (row) => report.count(row.created), key: number("created") },
        sum(rows, "Before", "before"),
        sum(rows, "+ carried", "carried"),
        ...(waits ? [sum(rows, "+ still to do", "waiting")] : []),
        sum(rows, "= should stand", "expected"),
        sum(rows, "Found", "found"),
        { title: "Compared", width: "7rem", value: (row) => row.sign, cell: (row) => report.sign(row.sign) },
      ],
      filters: [
        { label: "Currency", options: choices(rows, "currency"), test: (row, value) => row.currency === value },
        { label: "Compared", options: choices(rows, "sign", (sign) => report.signs[sign]), test: (row, value) => row.sign === value },
      ],
    });
  }

  const names = ["outcome", "sign", "account", "id", "kind", "status", "day", "currency", "amount", "remaining", "carried", "target", "copy", "code", "reason", "number", "memo", "mark", "sends", "losses", "dropped", "spent", "form", "type"];
  const { rows, of } = await unpack("record-data", names, ["outcome", "account", "kind", "status", "currency", "target", "code", "reason", "form", "type"]);
  const called = document.getElementById("records").dataset.called;

  const dialog = el("dialog", { "aria-labelledby": "record-title" });
  document.body.append(dialog);
  const pairs = (items) => el("dl", {}, ...items.filter(([, value]) => value !== "" && value !== null).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  const list = (title, lines) => (lines.length ? [el("h3", {}, title), el("ul", {}, ...lines.map((text) => el("li", {}, text)))] : []);
  const money = (row, amount) => (amount === "" ? "" : `${report.grouped(amount)} ${row.currency}`);
  const open = (row) => {
    dialog.replaceChildren(
      el("header", {}, el("h2", { id: "record-title" }, `${row.form[0].toUpperCase()}${row.form.slice(1)} ${row.id}`), el("button", { type: "button", onclick: () => dialog.close(), autofocus: true }, "Close")),
      pairs([
        ["Outcome", report.outcome(row.outcome)],
        ["Reason", row.reason],
        ["Verified", row.sign ? report.signs[row.sign] : ""],
        ["Account", row.account || "none"],
        ["Kind", row.kind],
        ["Becomes", row.type],
        ["Status there", row.status],
        ["Day", row.day],
        ["Amount", money(row, row.amount)],
        ["Remaining", money(row, row.remaining) || "not known"],
        ["Carried", money(row, row.carried)],
        ["Number", row.number],
        ["Memo", row.memo],
        ["Goes to account", row.target],
        ["Copy", row.copy],
        ["Mark", row.mark],
        ["Writes begun", row.sends ? String(row.sends) : ""],
      ]),
      ...list("Does not arrive", row.losses.map(([field, kind, value, reason]) => `${of(field)} (${of(kind)}): ${value ? `${value}, ` : ""}${of(reason)}`)),
      ...list("Spent by the copy", row.spent.map(([target, amount]) => `${report.grouped(amount)} on ${target}`)),
      ...list("Allocations that stay behind", row.dropped.map(([target, amount, reason]) => `${report.grouped(amount)} on ${target}: ${of(reason)}`)),
    );
    dialog.showModal();
  };

  const exceptional = new Set(["failed", "unknown", "conflict", "blocked"]);
  const place = document.getElementById("grid");
  place.hidden = false;
  report.grid(place, {
    rows,
    caption: `Every ${called.slice(0, -1)}`,
    hint: "account, id, number, memo, reason…",
    search: (row) => [row.account, row.id, row.number, row.memo, row.target, row.copy, row.mark, row.reason, row.amount, row.kind].join("\n"),
    columns: [
      { title: "Outcome", width: "7.2rem", value: (row) => row.outcome, cell: (row) => report.outcome(row.outcome) },
      { title: "Account", width: "6.2rem", value: (row) => row.account, key: id("account"), id: true, whole: true },
      ...(called === "records" ? [{ title: "Of", width: "4.4rem", value: (row) => row.form }] : []),
      { title: called === "records" ? "Id" : called[0].toUpperCase() + called.slice(1, -1), width: "6.8rem", value: (row) => row.id, key: id("id"), id: true, head: true, whole: true, cell: (row) => el("button", { type: "button", class: "open", "aria-haspopup": "dialog" }, row.id) },
      { title: "Day", width: "6.6rem", value: (row) => row.day },
      sum(rows, "Amount", "amount"),
      sum(rows, "Carried", "carried"),
      { title: "Cur.", width: "3.4rem", value: (row) => row.currency },
      { title: "Copy", width: "8rem", value: (row) => row.copy, key: id("copy"), id: true, whole: true },
      { title: "Verified", width: "6.4rem", value: (row) => row.sign, cell: (row) => (row.sign ? report.sign(row.sign) : "") },
      { title: "Reason", width: "auto", value: (row) => row.reason, whole: true },
    ],
    filters: [
      { label: "Outcome", options: choices(rows, "outcome", (name) => `${report.symbols[name]} ${name}`), test: (row, value) => row.outcome === value },
      { label: "Currency", options: choices(rows, "currency"), test: (row, value) => row.currency === value },
      ...(called === "records" ? [{ label: "Of", options: choices(rows, "form"), test: (row, value) => row.form === value }] : []),
      { label: "Show", options: [["exceptions", "only exceptions"]], test: (row) => exceptional.has(row.outcome) || row.sign !== "" },
    ],
    open,
  });
  off.hidden = true;
  document.documentElement.dataset.ready = "true";
})();
