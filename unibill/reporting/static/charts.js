"use strict";
/* Pictures of the figures. Every one of them stands beside a table that says the same in digits. */
report.charts = (data) => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = [];
  const tints = {
    light: { carried: "#2b7a70", existed: "#8fbdb5", waiting: "#c3cbc7", undone: "#8f8fb3", failed: "#a93232", unknown: "#d08a2e", conflict: "#8c4a7e", blocked: "#c79a3f", skipped: "#d9ddda", account: "#6d8299", ink: "#1c2422", soft: "#56625e", line: "#dde1dc", paper: "#ffffff" },
    dark: { carried: "#5fb3a6", existed: "#3f7a72", waiting: "#5b6662", undone: "#8585b5", failed: "#d9706a", unknown: "#dda04e", conflict: "#b978ab", blocked: "#cfa755", skipped: "#4a5451", account: "#8ea5be", ink: "#e7ece9", soft: "#a5b2ad", line: "#333d3a", paper: "#1a201f" },
  };
  const patterns = {
    carried: null,
    existed: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: Math.PI / 4 },
    waiting: { symbol: "circle", dashArrayX: [[8, 8], [0, 8, 8, 0]], dashArrayY: [6, 0], symbolSize: 0.5 },
    undone: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 4], rotation: 0 },
    failed: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [4, 3], rotation: -Math.PI / 4 },
    unknown: { symbol: "triangle", dashArrayX: [[9, 9], [0, 9, 9, 0]], dashArrayY: [7, 2], symbolSize: 0.6 },
    conflict: { symbol: "diamond", dashArrayX: [[8, 8], [0, 8, 8, 0]], dashArrayY: [7, 0], symbolSize: 0.7 },
    blocked: { symbol: "rect", dashArrayX: [5, 5], dashArrayY: [5, 5], symbolSize: 0.6 },
    skipped: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 7], rotation: Math.PI / 2 },
  };
  const print = matchMedia("print");
  const colours = () => (dark.matches && !print.matches ? tints.dark : tints.light);
  const filled = (name) => {
    const pattern = patterns[name];
    return { color: colours()[name], ...(pattern ? { decal: { color: dark.matches && !print.matches ? "rgba(0,0,0,.45)" : "rgba(255,255,255,.62)", ...pattern } } : {}) };
  };
  const font = { fontFamily: 'system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif' };
  const narrow = () => innerWidth <= 800; // as the style sheet has it

  /* Names and amounts have any length, so texts are measured, and made to fit. */
  const pen = document.createElement("canvas").getContext("2d");
  const wide = (text, size) => {
    pen.font = `${size}px ${font.fontFamily}`;
    return Math.ceil(pen.measureText(text).width);
  };
  const widest = (texts, size) => Math.max(0, ...texts.map((text) => wide(text, size)));
  /* Of what is too long, both ends stay: ids often begin alike. */
  const fitted = (text, width, size) => {
    if (wide(text, size) <= width) return text;
    const letters = [...text];
    let kept = letters.length - 1;
    const shown = () => `${letters.slice(0, Math.ceil(kept / 2)).join("")}…${letters.slice(letters.length - Math.floor(kept / 2)).join("")}`;
    while (kept > 2 && wide(shown(), size) > width) kept -= 1;
    return shown();
  };
  const broken = (text, width, size) => {
    const lines = [""];
    for (const part of text.split(/(?<=[\s-])|(?<=.{12})(?=.)/u)) {
      if (wide(lines[lines.length - 1] + part, size) > width) lines.push("");
      lines[lines.length - 1] += part;
    }
    return lines.join("\n");
  };
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const scientific = new Intl.NumberFormat("en", { notation: "scientific", maximumFractionDigits: 2 });
  const rounded = (value) => (Math.abs(value) < 1e15 ? compact : scientific).format(value);

  const draw = (id, height, option) => {
    const place = document.getElementById(id);
    place.style.height = `${height}px`;
    const known = drawn.find((item) => item.place === place);
    const item = known || { place, chart: echarts.init(place, null, { renderer: "svg" }) };
    if (!known) drawn.push(item);
    item.option = option;
    item.height = height;
    item.chart.resize({ height });
    item.chart.setOption({ animation: false, textStyle: { ...font, color: colours().ink }, ...option() }, true);
    fit(place);
  };
  /* A picture that knows its own size can be made smaller for paper. */
  const fit = (place) => {
    const svg = place.querySelector("svg");
    if (svg) svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
  };
  const again = () => {
    for (const item of drawn) {
      item.chart.resize({ height: item.height });
      item.chart.setOption({ animation: false, textStyle: { ...font, color: colours().ink }, ...item.option() }, true);
      fit(item.place);
    }
  };
  const tip = (place, told) => ({ renderMode: "richText", confine: true, textStyle: { fontSize: 12 }, formatter: (point) => told(point).split("\n").map((line) => broken(line, place.clientWidth - 40, 12)).join("\n") });
  const axis = () => ({ axisLine: { lineStyle: { color: colours().line } }, axisTick: { show: false }, axisLabel: { color: colours().soft, fontSize: 11 }, splitLine: { lineStyle: { color: colours().line } } });

  const outcomes = () => {
    const items = [...data.outcomes].reverse();
    const table = document.getElementById("outcomes");
    const head = table.tHead.offsetHeight;
    const place = document.getElementById("outcomes-chart");
    const most = widest(items.map((item) => report.count(item.records)), 12);
    draw("outcomes-chart", narrow() ? 34 * items.length + 8 : Math.min(table.offsetHeight, 62 * items.length + head), () => ({
      grid: { left: 4, right: most + 12, top: narrow() ? 4 : head, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: tip(place, (point) => `${point.name}: ${report.count(point.value)}`),
      xAxis: { type: "value", show: false },
      yAxis: { type: "category", data: items.map((item) => item.outcome), ...axis(), axisLabel: { color: colours().ink, fontSize: 12.5, formatter: (name) => `${report.symbols[name]}  ${name}` }, axisLine: { show: false } },
      series: [{ type: "bar", barWidth: 20, barMinHeight: 2, data: items.map((item) => ({ value: item.records, itemStyle: filled(item.outcome) })), label: { show: true, position: "right", color: colours().ink, formatter: (point) => report.count(point.value) } }],
    }));
  };

  const currencies = (items) => data.currencies.filter((currency) => items.some((item) => item.currency === currency));
  const choice = (id, names, show) => {
    const place = document.getElementById(id);
    const buttons = names.map((name) => report.el("button", { type: "button", "aria-pressed": "false", onclick: () => choose(name) }, name));
    const choose = (name) => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.textContent === name)));
      show(name);
    };
    place.append(...buttons);
    choose(names[0]);
  };

  const flow = () => {
    if (!data.flows.length) return;
    document.getElementById("flow").hidden = false;
    choice("flow-currency", currencies(data.flows), (currency) => {
      const flows = data.flows.filter((item) => item.currency === currency);
      const named = new Map();
      const nodes = new Map();
      const links = new Map();
      const link = (from, to, item) => {
        const key = `${from}\n${to}`;
        const known = links.get(key) || { source: from, target: to, value: 0, items: [] };
        known.value += Number(item.amount);
        known.items.push(item.amount);
        links.set(key, known);
      };
      for (const item of flows) {
        const account = item.account ? `a:${item.account}` : item.accounts > 1 ? "others" : "a:";
        named.set(account, item.account || (item.accounts > 1 ? `${report.count(item.accounts)} ${narrow() ? "others" : "other accounts"}` : "no account"));
        nodes.set(account, { name: account, depth: 0, itemStyle: { color: colours().account } });
        nodes.set(item.outcome, { name: item.outcome, depth: 1 });
        named.set(item.outcome, `${report.symbols[item.outcome]} ${item.outcome}`);
        link(account, item.outcome, item);
        const end = item.outcome === "carried" || item.outcome === "existed" ? "target" : item.outcome === "unknown" ? "nobody" : "source";
        named.set(end, { target: `went to ${data.target}`, source: `stays at ${data.source}`, nobody: narrow() ? "not known" : "not known where" }[end]);
        nodes.set(end, { name: end, depth: 2 });
        link(item.outcome, end, item);
      }
      const sums = new Map();
      for (const { source, target, value } of links.values()) {
        sums.set(source, (sums.get(source) || { out: 0, in: 0 }));
        sums.set(target, (sums.get(target) || { out: 0, in: 0 }));
        sums.get(source).out += value;
        sums.get(target).in += value;
      }
      const amount = (name) => rounded(Math.max(sums.get(name).in, sums.get(name).out));
      const place = document.getElementById("flow-chart");
      const standing = (depth) => [...nodes.values()].filter((node) => node.depth === depth).map((node) => node.name);
      const tallest = Math.max(...[0, 1, 2].map((depth) => standing(depth).length));
      /* Where there is little room, a name and its amount stand on two lines. */
      const size = () => (narrow() ? 11 : 12);
      const gap = () => (narrow() ? 30 : 16);
      const label = (name, width) => (narrow() ? `${fitted(named.get(name), width, size())}\n${amount(name)}` : `${fitted(named.get(name), width - wide(`  ${amount(name)}`, size()), size())}  ${amount(name)}`);
      const most = () => place.clientWidth * 0.27;
      const room = (depth) => widest(standing(depth).flatMap((name) => label(name, most()).split("\n")), size()) + 12;
      draw("flow-chart", 140 + 34 * tallest, () => ({
        tooltip: tip(place, (point) => (point.dataType === "edge" ? `${named.get(point.data.source)} to ${named.get(point.data.target)}` : named.get(point.name))),
        series: [{
          type: "sankey", left: room(0), right: room(2), top: size(), bottom: size() + 4, nodeGap: gap(), nodeWidth: narrow() ? 8 : 14, draggable: false, layoutIterations: 48, emphasis: { focus: "adjacency" },
          data: [...nodes.values()].map((node) => ({ ...node, itemStyle: node.itemStyle || { color: node.name === "target" ? colours().carried : node.name === "source" ? colours().skipped : node.name === "nobody" ? colours().unknown : colours()[node.name], borderColor: colours().soft, borderWidth: 0.6 } })),
          links: [...links.values()].map(({ source, target, value }) => ({ source, target, value, lineStyle: { color: colours()[target] || colours()[source] } })),
          lineStyle: { opacity: 0.3, curveness: 0.5 },
          label: { color: colours().ink, fontSize: size(), lineHeight: size() + 2, formatter: (point) => label(point.name, nodes.get(point.name).depth === 1 ? Infinity : most()) },
          levels: [{ depth: 0, label: { position: "left" } }],
        }],
      }));
    });
  };

  const gaps = () => {
    if (!data.differences.length) return;
    document.getElementById("gaps").hidden = false;
    choice("gaps-currency", currencies(data.differences), (currency) => {
      const items = data.differences.filter((item) => item.currency === currency).sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount)).slice(0, 15).reverse();
      const place = document.getElementById("gaps-chart");
      const signed = (exact) => `${exact.startsWith("-") ? "" : "+"}${report.grouped(exact)}`;
      const told = (exact) => (wide(signed(exact), 12) <= place.clientWidth * 0.38 ? signed(exact) : `≈ ${exact.startsWith("-") ? "−" : "+"}${rounded(Math.abs(exact))}`);
      draw("gaps-chart", 30 * items.length + 30, () => ({
        grid: { left: 4, right: widest(items.map((item) => told(item.amount)), 12) + 12, top: 6, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
        tooltip: tip(place, (point) => `${point.name}: ${report.grouped(point.data.exact)} ${currency}`),
        xAxis: { type: "value", show: false, min: ({ min }) => Math.min(0, min), max: ({ max }) => Math.max(0, max) },
        yAxis: { type: "category", data: items.map((item) => item.account), ...axis(), axisLabel: { color: colours().ink, fontSize: 11.5, formatter: (name) => fitted(name, place.clientWidth * 0.3, 11.5) }, axisLine: { show: false }, position: "left" },
        series: [{ type: "bar", barWidth: 16, barMinHeight: 2, data: items.map((item) => ({ value: Number(item.amount), exact: item.amount, itemStyle: filled(item.amount.startsWith("-") ? "failed" : "blocked") })), label: { show: true, position: "right", color: colours().ink, fontSize: 12, formatter: (point) => told(point.data.exact) }, markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colours().soft, type: "solid" }, data: [{ xAxis: 0 }] } }],
      }));
    });
  };

  const called = { created: "carried", exists: "existed", rejected: "failed", failed: "failed", refused: "failed", conflict: "conflict", unknown: "unknown", undone: "undone", gone: "undone" };
  const pace = () => {
    if (data.pace.length < 2) return;
    document.getElementById("pace").hidden = false;
    const length = data.pace[0].seconds;
    const first = Date.parse(data.pace[0].at) / 1000;
    const last = Date.parse(data.pace[data.pace.length - 1].at) / 1000;
    const bars = Array.from({ length: (last - first) / length + 1 }, () => ({}));
    for (const stretch of data.pace)
      for (const [name, count] of Object.entries(stretch.counts)) {
        const bar = bars[(Date.parse(stretch.at) / 1000 - first) / length];
        bar[called[name] || "unknown"] = (bar[called[name] || "unknown"] || 0) + count;
      }
    const clock = (index) => new Date((first + index * length) * 1000).toISOString().slice(...(length >= 86400 ? [0, 10] : length >= 60 ? [11, 16] : [11, 19]));
    const names = Object.keys(report.symbols).filter((name) => bars.some((bar) => bar[name]));
    const place = document.getElementById("pace-chart");
    const rows = () => {
      let [count, at] = [1, 0];
      for (const name of names) {
        const item = 18 + 5 + wide(`${report.symbols[name]} ${name}`, 12) + 10;
        if (at && at + item > place.clientWidth) [count, at] = [count + 1, 0];
        at += item;
      }
      return count;
    };
    draw("pace-chart", 220, () => ({
      grid: { left: 4, right: 10, top: 12 + 22 * rows(), bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: { top: 0, left: 0, textStyle: { color: colours().ink, fontSize: 12 }, formatter: (name) => `${report.symbols[name]} ${name}`, itemWidth: 18, itemHeight: 12 },
      tooltip: { ...tip(place, (points) => `${points[0].name}\n${points.filter((point) => point.value).map((point) => `${point.seriesName}: ${report.count(point.value)}`).join("\n")}`), trigger: "axis" },
      xAxis: { type: "category", data: bars.map((_, index) => clock(index)), ...axis() },
      yAxis: { type: "value", minInterval: 1, ...axis() },
      series: names.map((name) => ({ name, type: "bar", stack: "all", barCategoryGap: "18%", data: bars.map((bar) => bar[name] || 0), itemStyle: filled(name) })),
    }));
  };

  outcomes();
  flow();
  gaps();
  pace();
  dark.addEventListener("change", again);
  print.addEventListener("change", again);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) requestAnimationFrame(again);
    width = innerWidth;
  });
};
