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
  const narrow = () => innerWidth < 700;
  const short = (text, most = 26) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

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
  const tip = { renderMode: "richText", confine: true, textStyle: { fontSize: 12 } };
  const axis = () => ({ axisLine: { lineStyle: { color: colours().line } }, axisTick: { show: false }, axisLabel: { color: colours().soft, fontSize: 11 }, splitLine: { lineStyle: { color: colours().line } } });

  const outcomes = () => {
    const items = [...data.outcomes].reverse();
    const table = document.getElementById("outcomes");
    const head = table.tHead.offsetHeight;
    draw("outcomes-chart", narrow() ? 34 * items.length + 8 : Math.min(table.offsetHeight, 62 * items.length + head), () => ({
      grid: { left: 4, right: 70, top: narrow() ? 4 : head, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: { ...tip, formatter: (point) => `${point.name}: ${report.count(point.value)}` },
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
        named.set(account, item.account || (item.accounts > 1 ? `${report.count(item.accounts)} other accounts` : "no account"));
        nodes.set(account, { name: account, depth: 0, itemStyle: { color: colours().account } });
        nodes.set(item.outcome, { name: item.outcome, depth: 1 });
        named.set(item.outcome, `${report.symbols[item.outcome]} ${item.outcome}`);
        link(account, item.outcome, item);
        const end = item.outcome === "carried" || item.outcome === "existed" ? "target" : item.outcome === "unknown" ? "nobody" : "source";
        named.set(end, { target: `went to ${data.target}`, source: `stays at ${data.source}`, nobody: "not known where" }[end]);
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
      const rounded = (name) => new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(Math.max(sums.get(name).in, sums.get(name).out));
      const height = Math.max(200, 40 * nodes.size * 0.62 + 60);
      draw("flow-chart", height, () => ({
        tooltip: { ...tip, formatter: (point) => (point.dataType === "edge" ? `${named.get(point.data.source)} to ${named.get(point.data.target)}` : `${named.get(point.name)}`) },
        series: [{
          type: "sankey", left: narrow() ? 4 : 200, right: narrow() ? 120 : 190, top: 8, bottom: 8, nodeGap: 14, nodeWidth: 14, draggable: false, layoutIterations: 48, emphasis: { focus: "adjacency" },
          data: [...nodes.values()].map((node) => ({ ...node, itemStyle: node.itemStyle || { color: node.name === "target" ? colours().carried : node.name === "source" ? colours().skipped : node.name === "nobody" ? colours().unknown : colours()[node.name], borderColor: colours().soft, borderWidth: 0.6 } })),
          links: [...links.values()].map(({ source, target, value }) => ({ source, target, value, lineStyle: { color: colours()[target] || colours()[source] } })),
          lineStyle: { opacity: 0.3, curveness: 0.5 },
          label: { color: colours().ink, fontSize: 12, formatter: (point) => `${short(named.get(point.name), narrow() ? 14 : 24)}  ${rounded(point.name)}` },
          levels: [{ depth: 0, label: { position: narrow() ? "right" : "left" } }],
        }],
      }));
    });
  };

  const gaps = () => {
    if (!data.differences.length) return;
    document.getElementById("gaps").hidden = false;
    choice("gaps-currency", currencies(data.differences), (currency) => {
      const items = data.differences.filter((item) => item.currency === currency).sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount)).slice(0, 15).reverse();
      draw("gaps-chart", 30 * items.length + 30, () => ({
        grid: { left: 4, right: 90, top: 6, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
        tooltip: { ...tip, formatter: (point) => `${point.name}: ${report.grouped(point.data.exact)} ${currency}` },
        xAxis: { type: "value", show: false },
        yAxis: { type: "category", data: items.map((item) => item.account), ...axis(), axisLabel: { color: colours().ink, fontSize: 11.5, formatter: (name) => short(name) }, axisLine: { show: false }, position: "left" },
        series: [{ type: "bar", barWidth: 16, barMinHeight: 2, data: items.map((item) => ({ value: Number(item.amount), exact: item.amount, itemStyle: filled(item.amount.startsWith("-") ? "failed" : "blocked") })), label: { show: true, position: "right", color: colours().ink, formatter: (point) => `${point.data.exact.startsWith("-") ? "" : "+"}${report.grouped(point.data.exact)}` }, markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colours().soft, type: "solid" }, data: [{ xAxis: 0 }] } }],
      }));
    });
  };

  const called = { created: "carried", exists: "existed", rejected: "failed", failed: "failed", refused: "failed", conflict: "conflict", unknown: "unknown", undone: "undone" };
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
    draw("pace-chart", 220, () => ({
      grid: { left: 4, right: 10, top: 34, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: { top: 0, left: 0, textStyle: { color: colours().ink, fontSize: 12 }, formatter: (name) => `${report.symbols[name]} ${name}`, itemWidth: 18, itemHeight: 12 },
      tooltip: { ...tip, trigger: "axis", formatter: (points) => `${points[0].name}\n${points.filter((point) => point.value).map((point) => `${point.seriesName}: ${report.count(point.value)}`).join("\n")}` },
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
