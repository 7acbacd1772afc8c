// What is measured in the page: each function does one piece of work `count` times with one library and hands back how long
// that took, in milliseconds. Definitions are alike: two states and one assignment, or four regions that each move.
import init, { Runtime } from "/pkg/pleione.js";
import { createMachine as createRobot, interpret, reduce, state as robotState, transition } from "robot3";
import { createStore } from "@xstate/store";
import { assign, createActor, createMachine } from "xstate";

const count = { updateContext: { count: { $add: ["$count", 1] } } };
const lamp = {
  messageTypes: ["PRESS"],
  context: { count: 0 },
  state: {
    initial: "off",
    states: { off: { on: { PRESS: { target: "on", actions: count } } }, on: { on: { PRESS: { target: "off", actions: count } } } },
  },
};
const region = { initial: "a", states: { a: { on: { PRESS: "b" } }, b: { on: { PRESS: "a" } } } };
const regions = { type: "parallel", states: { one: region, two: region, three: region, four: region } };
const house = { messageTypes: ["PRESS"], context: {}, state: regions };

const press = { type: "PRESS" };
const pressed = assign({ count: ({ context }) => context.count + 1 });
const xstateLamp = () =>
  createMachine({
    initial: "off",
    context: { count: 0 },
    states: { off: { on: { PRESS: { target: "on", actions: pressed } } }, on: { on: { PRESS: { target: "off", actions: pressed } } } },
  });
const xstateHouse = () => createMachine(regions);
const robotLamp = () => {
  const add = reduce((context) => ({ ...context, count: context.count + 1 }));
  return createRobot(
    { off: robotState(transition("PRESS", "on", add)), on: robotState(transition("PRESS", "off", add)) },
    () => ({ count: 0 }),
  );
};
const storeLamp = () =>
  createStore({ context: { count: 0, isOn: false }, on: { PRESS: (context) => ({ count: context.count + 1, isOn: !context.isOn }) } });

function timed(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function sends(send, count) {
  return timed(() => {
    for (let sent = 0; sent < count; sent += 1) send();
  });
}

/** The others: an event is handled when `send` comes back. */
const others = {
  xstate: (count) => {
    const actor = createActor(xstateLamp()).start();
    return sends(() => actor.send(press), count);
  },
  xstateParallel: (count) => {
    const actor = createActor(xstateHouse()).start();
    return sends(() => actor.send(press), count);
  },
  robot: (count) => {
    const service = interpret(robotLamp(), () => {});
    return sends(() => service.send(press), count);
  },
  store: (count) => {
    const store = storeLamp();
    return sends(() => store.send(press), count);
  },
};

let opened = 0;
let close = async () => {};

/** An actor of its own in a runtime of its own. */
async function open(definition, storage) {
  opened += 1;
  const fresh = await Runtime.open({ name: `machines-${opened}`, storage });
  close = () => fresh.close();
  const measured = await fresh.actor({ id: "measured", ...definition });
  await fresh.settled();
  return measured;
}

async function timedAsync(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function oneByOne(actor, count) {
  const promises = [];
  for (let sent = 0; sent < count; sent += 1) promises.push(actor.send(press));
  await Promise.all(promises);
}

/** Keeps so many on their way until all are durable. */
async function inFlight(actor, count, window) {
  let sent = 0;
  const lane = async () => {
    while (sent < count) {
      sent += 1;
      await actor.send(press);
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
}

const batch = (actor, count) => actor.sendAll(Array(count).fill(press));

/** Ours: an event is handled when it is written, which the promise tells. */
const ours = {
  batch: [lamp, "memory", batch],
  parallel: [house, "memory", batch],
  oneByOne: [lamp, "memory", oneByOne],
  durable: [lamp, "indexeddb", (actor, count) => inFlight(actor, count, 1000)],
};

let actor;
let runtime;
let memory;

globalThis.measure = {
  bytes: () => memory.buffer.byteLength,
  async openStored() {
    runtime = await Runtime.open({ name: "machines-stored", storage: "indexeddb" });
    await runtime.settled();
  },
  /** Makes so many actors as they ship, with a log, an inbox and stores, or finds them stored. */
  async startStored(count) {
    const actors = Array.from({ length: count }, (_, number) => runtime.actor({ id: `stored-${number}`, ...lamp }));
    await Promise.all(actors);
    await runtime.settled();
  },
  closeStored: () => runtime.close(),
  /** Makes ready what is measured next. */
  async prepare(name) {
    close = async () => {};
    const [definition, storage] = ours[name] ?? [];
    actor = definition && (await open(definition, storage));
  },
  run: (name, count) => (name in ours ? timedAsync(() => ours[name][2](actor, count)) : others[name](count)),
  close: () => close(),
  /** Whether a batch leads where its events lead. */
  async check() {
    await this.prepare("batch");
    await batch(actor, 5);
    const isRight = actor.context.value.count === 5 && actor.state === "on";
    await close();
    return isRight;
  },
};
({ memory } = await init());
globalThis.isReady = true;
