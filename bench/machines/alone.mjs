// Measures machines and expressions without a runtime around them, in Node: ours as WebAssembly, XState's beside them. Times are
// processor time of one piece of work after another. Actors are those of the package, as it ships.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { assign, createActor, createMachine } from "xstate";

const { WasmMachines } = createRequire(import.meta.url)("../../target/bench-machines/bench_machines.cjs");
const packaged = new WebAssembly.Module(readFileSync(new URL("../../pkg/pleione_bg.wasm", import.meta.url)));

let instances = 0;

/** The package once more, with a memory that nothing was ever freed in. */
async function freshPackage() {
  instances += 1;
  const { initSync, Machine } = await import(`../../pkg/pleione.js?${instances}`);
  return { Machine, memory: initSync({ module: packaged }).memory };
}

const count = { updateContext: { count: { $add: ["$count", 1] } } };
const states = { off: { on: { PRESS: { target: "on", actions: count } } }, on: { on: { PRESS: { target: "off", actions: count } } } };
const region = { initial: "a", states: { a: { on: { PRESS: "b" } }, b: { on: { PRESS: "a" } } } };
const lamp = JSON.stringify({ initial: "off", states });
const house = JSON.stringify({ type: "parallel", states: { one: region, two: region, three: region, four: region } });
const context = JSON.stringify({ count: 0, user: { name: "Ada" }, list: [1, 2, 3] });
const definition = { state: JSON.parse(lamp), context: JSON.parse(context) };

const pressed = assign({ count: ({ context }) => context.count + 1 });
const xstateLamp = createMachine({
  initial: "off",
  context: { count: 0, user: { name: "Ada" }, list: [1, 2, 3] },
  states: { off: { on: { PRESS: { target: "on", actions: pressed } } }, on: { on: { PRESS: { target: "off", actions: pressed } } } },
});

const path = JSON.stringify("$user.name");
const nested = JSON.stringify({
  $if: { condition: { $and: [{ $ne: ["$user.name", ""] }, { $gt: [{ $length: "$list" }, 2] }] }, then: "$$yes", else: "$$no" },
});
const nothing = JSON.stringify({ $literal: true });
const item = JSON.stringify({ yes: true, no: false });

/** Milliseconds of processor time, which other programs on the machine do not change; and what the work gave. What was left
 * before it is swept first, and is not its cost. */
function timed(work) {
  globalThis.gc();
  const start = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(start);
  return [(user + system) / 1000, result];
}

function must(holds, what) {
  if (!holds) throw new Error(`${what} is not as it must be`);
}

function perEvaluation(machines, expression, count) {
  const [base] = timed(() => must(machines.evaluate(nothing, item, count) === count, "a literal"));
  const [all] = timed(() => must(machines.evaluate(expression, item, count) === count, "an expression"));
  return ((all - base) / count) * 1e6;
}

function events(state, count) {
  const machines = new WasmMachines(state, context);
  const [ms] = timed(() => must(machines.send("PRESS", count), "an event"));
  machines.free();
  return (count / ms) * 1000;
}

function lives(machine, actors) {
  const [startMs, started] = timed(() => machine.startAll(actors));
  const stored = JSON.stringify(started.snapshots());
  const [restoreMs, restored] = timed(() => machine.restoreAll(stored));
  for (const all of [started, restored]) {
    const last = all.at(actors - 1);
    must(all.length === actors && last.send({ type: "PRESS" }) && last.state === "on" && all.at(0).state === "off", "an actor");
    all.free();
  }
  return { startMs, restoreMs };
}

/** What an actor takes in the module's memory and in JavaScript's. */
async function memory(actors) {
  const { Machine, memory } = await freshPackage();
  const machine = new Machine(definition);
  const first = machine.startAll(10_000);
  const bytesNow = () => {
    globalThis.gc();
    return memory.buffer.byteLength + process.memoryUsage().heapUsed;
  };
  const before = bytesNow();
  const all = machine.startAll(actors);
  const bytes = (bytesNow() - before) / all.length;
  must(first.length === 10_000, "the number of actors");
  return bytes;
}

function xstateLives(actors) {
  const [startMs, started] = timed(() => Array.from({ length: actors }, () => createActor(xstateLamp).start()));
  const stored = JSON.stringify(started.map((actor) => actor.getPersistedSnapshot()));
  const restore = (snapshot) => createActor(xstateLamp, { snapshot }).start();
  const [restoreMs] = timed(() => JSON.parse(stored).map(restore));
  return { startMs, restoreMs };
}

function xstateMemory(actors) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const all = Array.from({ length: actors }, () => createActor(xstateLamp).start());
  globalThis.gc();
  const bytes = (process.memoryUsage().heapUsed - before) / all.length;
  return bytes;
}

const { Machine } = await freshPackage();
const machine = new Machine(definition);

/** One round of every figure. */
export async function measureAlone({ events: eventCount, evaluations, actors, residents }) {
  const machines = new WasmMachines(lamp, context);
  const ours = {
    events: events(lamp, eventCount),
    parallel: events(house, eventCount),
    ...lives(machine, actors),
    memory: await memory(residents),
    path: perEvaluation(machines, path, evaluations),
    nested: perEvaluation(machines, nested, evaluations),
  };
  machines.free();
  return { ours, xstate: { ...xstateLives(actors), memory: xstateMemory(actors) } };
}
