// The page: asks once a second whether anything has changed, and shows it.

import { prepare } from "./actions.js";
import { get } from "./api.js";
import { Detail } from "./detail.js";
import { byId, el } from "./dom.js";
import { Money } from "./money.js";
import { Panel } from "./panel.js";
import { RequestLog } from "./requests.js";

const EVERY = 1000;
const PATIENCE = 6000;

const live = byId("live");
const message = byId("message");
let version = "";
let busy = "";
let panels = [];
let log;
let money;
let under_way;

function say(text, bad = false) {
  clearTimeout(say.timer);
  message.textContent = text;
  message.classList.toggle("bad", bad);
  message.hidden = false;
  if (!bad) say.timer = setTimeout(() => (message.hidden = true), PATIENCE);
}

const failed = (error) => say(error instanceof TypeError ? "The sandbox does not answer. Does it still run?" : `That did not work: ${error.message}`, true);

function state(kind, text) {
  live.className = `live ${kind}`;
  if (live.textContent !== text) live.textContent = text;
}

// fresh: what the books then hold is a new beginning, not a change.
async function run(doing, done, work, fresh = false) {
  busy = doing;
  state("busy", `${doing}…`);
  try {
    await work();
    say(done);
  } catch (error) {
    failed(error);
  } finally {
    busy = "";
  }
  version = "";
  await look();
  if (fresh) money.remember();
}

// One look at a time: whoever asks while one is under way waits for the one after it.
function look() {
  const next = (under_way ?? Promise.resolve()).then(lookOnce);
  under_way = next;
  return next;
}

async function lookOnce() {
  try {
    const overview = await get("overview", { since: version });
    if (overview) {
      version = overview.settled ? overview.version : "";
      for (const system of overview.systems) panels.find((panel) => panel.name === system.name).tell(system);
      money.tell(overview.systems);
      showFaults(overview.faults);
      byId("welcome").hidden = overview.systems.some((system) => system.types.some((type) => type.count > 0));
      await Promise.all([...panels.map((panel) => panel.refresh()), log.refresh()]);
    } else {
      await Promise.all(panels.filter((panel) => !panel.settled).map((panel) => panel.refresh()));
    }
    if (!busy) state("", "live");
  } catch (error) {
    if (!busy) state("lost", error instanceof TypeError ? "the sandbox does not answer" : error.message);
  }
}

function showFaults(faults) {
  byId("clear-faults").disabled = !faults.length;
  byId("faults").replaceChildren(
    ...faults.map((fault) => {
      const over = fault.count && fault.used >= fault.count;
      const hits = fault.count ? `hit ${fault.used} of ${fault.count}${over ? ", over" : ""}` : `hit ${fault.used} so far`;
      return el(over ? "li.chip" : "li.chip.fault", {}, `${fault.kind} on ${fault.route} · ${hits}`);
    }),
  );
}

async function start() {
  let setup;
  try {
    setup = await get("setup");
  } catch (error) {
    state("lost", "the sandbox does not answer");
    setTimeout(start, EVERY);
    return;
  }
  const detail = new Detail((system, account) => {
    const panel = panels.find((each) => each.name === system);
    const first = panel.types.find((each) => each.role === "credit") ?? panel.types[0];
    panel.choose(first.name, { account, text: "" });
    panel.node.scrollIntoView({ block: "nearest" });
  }, failed);
  panels = setup.systems.map((name) => new Panel(name, (...where) => detail.open(...where), failed));
  money = new Money(byId("money"));
  log = new RequestLog(byId("log"), failed);
  byId("systems").append(...panels.map((panel) => panel.node));
  prepare(setup, run);
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((wake) => setTimeout(wake, EVERY));
  }
}

start();
