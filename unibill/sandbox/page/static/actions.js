// The buttons: samples, faults, reset, how to connect, the assumptions.

import { post } from "./api.js";
import { byId, el } from "./dom.js";

const EXPLAINED = {
  latency: "The answer comes late.",
  "status-429": "Not handled; the client is asked to come back later.",
  "status-500": "Status 500, with the request not handled, or handled in full.",
  "status-502": "Status 502, with the request not handled, or handled in full.",
  "status-503": "Status 503, with the request not handled, or handled in full.",
  "cut-before": "The connection is closed without an answer; the request was not handled.",
  "cut-after": "The request is handled, then the connection is closed without an answer.",
  "late-effect": "An error at once; the request is handled some time later.",
  "html-error": "A page of HTML, as proxies send.",
  "truncated-json": "Half of the answer, with a length that fits the half.",
  "slow-body": "The answer a byte at a time, with a pause between two bytes.",
  "duplicate-records": "A record of a list stands there twice.",
  "shuffled-records": "A list in another order.",
  "skipped-records": "A record of a list is left out.",
  drift: "An amount in a list differs from what it is.",
};
const SETTINGS = {
  seconds: { label: "Seconds", type: "number", min: "0", max: "3600", step: "any", value: "1" },
  retry_after: { label: "Retry after (s)", type: "number", min: "0", value: "1" },
  status: { label: "Status", type: "number", min: "400", max: "599", value: "502" },
  effect: { label: "Request is", options: [["none", "not handled"], ["done", "handled"]] },
  answer: { label: "Answer", options: [["status-502", "status 502"], ["cut", "connection cut"]] },
  index: { label: "Record no. (from 0)", type: "number", min: "0", value: "0" },
  field: { label: "Field", type: "text", value: "amount" },
  by: { label: "Differs by", type: "text", value: "1" },
};
const NUMBERS = new Set(["seconds", "retry_after", "status", "index"]);

export function prepare(setup, run) {
  for (const name of ["samples", "fault", "connect", "switches", "reset"]) {
    byId(`open-${name}`).addEventListener("click", () => byId(name).showModal());
  }
  for (const button of document.querySelectorAll("dialog .close")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
  prepareSamples(setup, run);
  prepareFaults(setup, run);
  prepareConnect(setup);
  prepareSwitches(setup);
  byId("reset-now").addEventListener("click", () => run("Emptying", "Everything is empty.", () => post("reset", {}), true));
  byId("clear-faults").addEventListener("click", () => run("Clearing", "No faults are in force.", () => post("faults", [])));
}

function prepareSamples(setup, run) {
  const boxes = setup.systems.map((name) => {
    const box = el("input", { type: "checkbox", value: name, checked: true });
    byId("samples-systems").append(el("label", {}, box, ` ${name}`));
    return box;
  });
  const load = (body, said) => {
    const systems = boxes.filter((box) => box.checked).map((box) => box.value);
    return run("Loading", said, () => post("seed", { ...body, systems }), true);
  };
  const documented = () => load({ kind: "documented" }, "The documented samples are loaded.");
  byId("load-documented").addEventListener("click", documented);
  byId("welcome-documented").addEventListener("click", documented);
  byId("welcome-connect").addEventListener("click", () => byId("connect").showModal());
  byId("load-generated").addEventListener("click", (event) => {
    const [count, seed] = [byId("generated-count"), byId("generated-seed")];
    if (!count.reportValidity() || !seed.reportValidity()) {
      event.preventDefault();
      return;
    }
    load({ kind: "generated", count: count.valueAsNumber, random_seed: seed.valueAsNumber }, `${count.value} generated credits are loaded.`);
  });
}

function prepareFaults(setup, run) {
  const [kind, preset, route] = [byId("fault-kind"), byId("fault-preset"), byId("fault-route")];
  const settings = byId("fault-settings");
  kind.append(...setup.fault_kinds.map((each) => el("option", { value: each.kind }, each.kind)));
  const presets = [["* /**", "all requests"]];
  for (const system of setup.systems) {
    presets.push([`* /${system}/**`, `all to ${system}`], [`GET /${system}/**`, `reads from ${system}`]);
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) presets.push([`${method} /${system}/**`, `${method} to ${system}`]);
  }
  preset.append(...presets.map(([value, label]) => el("option", { value }, label)), el("option", { value: "" }, "another route, as written below"));
  const chosen = () => {
    byId("fault-explained").textContent = EXPLAINED[kind.value] ?? "";
    const own = setup.fault_kinds.find((each) => each.kind === kind.value).settings;
    settings.replaceChildren(...own.map((name) => el("label", {}, SETTINGS[name]?.label ?? name, control(name))));
  };
  kind.addEventListener("change", chosen);
  preset.addEventListener("change", () => preset.value && (route.value = preset.value));
  route.addEventListener("input", () => (preset.value = presets.some(([value]) => value === route.value) ? route.value : ""));
  route.value = preset.value;
  chosen();
  byId("fault").querySelector("form").addEventListener("submit", () => {
    const fault = { kind: kind.value, route: route.value.trim(), skip: byId("fault-skip").valueAsNumber };
    if (byId("fault-count").value) fault.count = byId("fault-count").valueAsNumber;
    for (const input of settings.querySelectorAll("[name]")) {
      if (input.value !== "") fault[input.name] = NUMBERS.has(input.name) ? Number(input.value) : input.value;
    }
    run("Injecting", `${fault.kind} waits for ${fault.route}.`, () => post("faults?add=true", [fault]));
  });
}

function control(name) {
  const { label, options, ...rest } = SETTINGS[name] ?? { type: "text" };
  return options ? el("select", { name }, ...options.map(([value, text]) => el("option", { value }, text))) : el("input", { name, ...rest });
}

function prepareConnect(setup) {
  byId("toml").textContent = setup.toml;
  const button = byId("copy-toml");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(setup.toml);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(byId("toml"));
      button.textContent = "Selected; copy it now";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

function prepareSwitches(setup) {
  const rows = setup.switches.map((each) =>
    el("tr", {}, el("td", {}, each.system), el("td", {}, each.question), el("td.id", {}, each.switch), el("td.id", {}, each.value === each.usual ? each.value : `${each.value} (usually ${each.usual})`)),
  );
  byId("switches-body").append(
    el(
      "div.scroll",
      {},
      el("table", {}, el("thead", {}, el("tr", {}, ...["System", "Question", "Switch", "Answer"].map((title) => el("th", { scope: "col" }, title)))), el("tbody", {}, ...rows)),
    ),
  );
}
