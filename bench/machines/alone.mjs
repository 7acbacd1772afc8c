// Measures machines and expressions without a runtime around them, in Node: ours as WebAssembly, XState's beside them. Times are
// processor time of one piece of work after another.
import { createRequire } from "node:module";
import { assign, createActor, createMachine } from "xstate";

const require = createRequire(import.meta.url);
const moduleFile = require.resolve("../../target/bench-machines/bench_machines.cjs");
const { WasmMachines } = require(moduleFile);

/** The module once more, with a memory that nothing was ever freed in. */
function freshModule() {
  delete require.cache[moduleFile];
  return require(moduleFile);
}

const count = { updateContext: { count: { $add: ["$count", 1] } } };
const states = { off: { on: { PRESS: { target: "on", actions: count } } }, on: { on: { PRESS: { target: "off", actions: count } } } };
const region = { initial: "a", states: { a: { on: { PRESS: "b" } }, b: { on: { PRESS: "a" } } } };
const lamp = JSON.stringify({ initial: "off", states });
const house = JSON.stringify({ type: "parallel", states: { one: region, two: region, three: region, four: region } });
const context = JSON.stringify({ count: 0, user: { name: "Ada" }, list: [1, 2, 3] });

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

/** Milliseconds of processor time, which other programs on the machine do not change; and what the work gave. */
function timed(work) {
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
  machines.start(1);
  const [ms] = timed(() => must(machines.send("PRESS", count), "an event"));
  machines.free();
  return (count / ms) * 1000;
}

function lives(actors) {
  const machines = new WasmMachines(lamp, context);
  const [startMs] = timed(() => machines.start(actors));
  const stored = machines.stored();
  const [restoreMs, restored] = timed(() => machines.restore(stored));
  must(restored === actors, "the number of actors");
  machines.free();
  return { startMs, restoreMs };
}

function memory(actors) {
  const { WasmMachines: Machines, memory_bytes: memoryBytes } = freshModule();
  const machines = new Machines(lamp, context);
  machines.start(10_000);
  const before = memoryBytes();
  machines.start(actors);
  const bytes = (memoryBytes() - before) / actors;
  machines.free();
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

/** One round of every figure. */
export function measureAlone({ events: eventCount, evaluations, actors, residents }) {
  const machines = new WasmMachines(lamp, context);
  machines.start(1);
  const ours = {
    events: events(lamp, eventCount),
    parallel: events(house, eventCount),
    ...lives(actors),
    memory: memory(residents),
    path: perEvaluation(machines, path, evaluations),
    nested: perEvaluation(machines, nested, evaluations),
  };
  machines.free();
  return { ours, xstate: { ...xstateLives(actors), memory: xstateMemory(actors) } };
}
