// Actors that are nothing but their machine: in memory, here in Node, where nothing of a browser is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { initSync, Machine } from "../../pkg/pleione.js";
import { root } from "./support/program.mjs";

initSync({ module: readFileSync(join(root, "pkg", "pleione_bg.wasm")) });

const form = {
  context: { saved: 0 },
  state: {
    initial: "open",
    states: {
      open: { on: { SUBMIT: { target: "saving", guard: { $gt: [{ $length: "$$text" }, 0] } } } },
      saving: {
        entry: { tool: "@app/save", payload: { text: "$$text" } },
        after: { 5000: "open" },
        on: { SUCCESS: { target: "saved", actions: { updateContext: { saved: "$$result.id" } } }, ERROR: "open" },
      },
      saved: { type: "final", output: { id: "$saved" } },
    },
  },
};
const submit = { type: "SUBMIT", payload: { text: "milk" } };

test("an event is handled before send returns, and what it asks for is told once", () => {
  const actor = new Machine(form).start();
  assert.deepEqual([actor.state, actor.context], ["open", { saved: 0 }]);
  assert.equal(actor.send({ type: "SUBMIT", payload: { text: "" } }), false, "the guard does not hold");
  assert.equal(actor.send(submit), true);
  assert.equal(actor.state, "saving");
  const [call, later] = actor.requests();
  assert.deepEqual(call, { type: "call", id: call.id, tool: "@app/save", payload: { text: "milk" } });
  assert.equal(later.delay, 5000);
  assert.deepEqual(actor.requests(), []);

  assert.equal(actor.succeed(call.id, { id: 7 }), true);
  assert.deepEqual([actor.state, actor.context, actor.isDone], ["saved", { saved: 7 }, true]);
  assert.deepEqual(actor.requests(), [
    { type: "end", state: "saving" },
    { type: "cancel", id: later.id },
    { type: "done", output: { id: 7 } },
  ]);
  assert.equal(actor.succeed(call.id, { id: 8 }), false, "the call is over");
  assert.equal(actor.send(submit), false, "it is at its end");
});

test("a call that fails is an ERROR; a time that passes is the event that was asked for", () => {
  const failing = new Machine(form).start();
  failing.send(submit);
  assert.equal(failing.fail(failing.requests()[0].id, "the disk is full"), true);
  assert.equal(failing.state, "open");

  const waiting = new Machine(form).start();
  waiting.send(submit);
  waiting.send(waiting.requests()[1].event);
  assert.equal(waiting.state, "open");
});

test("r3_a_machine_restored_is_where_it_was_and_runs_nothing", () => {
  const region = { initial: "a", states: { a: { on: { GO: "b" } }, b: { entry: { updateContext: { entered: { $add: ["$entered", 1] } } } } } };
  const states = {
    on: { type: "parallel", states: { one: region, two: { initial: "x", states: { x: {} } }, last: { type: "history" } }, on: { OFF: "off" } },
    off: { on: { ON: "on.last" } },
  };
  const machine = new Machine({ context: { entered: 0 }, state: { initial: "on", states } });
  const actor = machine.start();
  for (const type of ["GO", "OFF"]) assert.equal(actor.send({ type }), true);
  const stored = JSON.parse(JSON.stringify(actor.snapshot()));
  const restored = machine.restore(stored);
  assert.deepEqual(restored.snapshot(), stored);
  assert.deepEqual(restored.requests(), []);
  for (const it of [actor, restored]) it.send({ type: "ON" });
  assert.deepEqual(restored.snapshot(), actor.snapshot());
  assert.deepEqual(restored.state, { on: { one: "a", two: "x" } });
});

test("many share a machine, and none another's memory", () => {
  const machine = new Machine(form);
  const actors = machine.startAll(1000);
  actors.at(0).send(submit);
  const states = (all) => [0, 1, 999].map((index) => all.at(index).state);
  assert.deepEqual([actors.length, ...states(actors), actors.at(1000)], [1000, "saving", "open", "open", undefined]);
  const stored = actors.snapshots();
  assert.deepEqual(stored[0], actors.at(0).snapshot());
  for (const snapshots of [stored, JSON.stringify(stored)]) {
    const restored = machine.restoreAll(snapshots);
    assert.deepEqual([restored.length, ...states(restored)], [1000, "saving", "open", "open"]);
  }
});

test("an actor of many outlives what it was asked of, and is the same each time", () => {
  const many = new Machine(form).startAll(2);
  const [one, again] = [many.at(1), many.at(1)];
  many.free();
  one.send(submit);
  one.free();
  assert.equal(again.state, "saving");
});

test("how far a call has come is told while it is under way", () => {
  const onProgress = { actions: { updateContext: { seen: "$$progress" } } };
  const load = { invoke: { id: "load", tool: "@app/load", onProgress, onDone: "loaded" } };
  const actor = new Machine({ context: { seen: 0 }, state: { initial: "load", states: { load, loaded: {} } } }).start();
  const [call] = actor.requests();
  assert.equal(actor.progress(call.id, 0.5), true);
  assert.deepEqual([actor.state, actor.context], ["load", { seen: 0.5 }]);
  assert.equal(actor.succeed(call.id, null), true);
  assert.equal(actor.progress(call.id, 1), false, "the call is over");
  assert.deepEqual([actor.state, actor.context], ["loaded", { seen: 0.5 }]);
});

test("r12_what_is_wrong_with_a_machine_or_its_snapshot_is_told", () => {
  const told = (call) => {
    try {
      call();
    } catch ({ code, place, message }) {
      return { code, place, message };
    }
    return assert.fail("nothing was thrown");
  };
  const unknown = told(() => new Machine({ state: { initial: "nowhere", states: { a: {} } } }));
  assert.deepEqual([unknown.code, unknown.place], ["PLEIONE_E_DEFINITION", "state.initial"]);
  assert.match(told(() => new Machine({})).code, /DEFINITION/);
  assert.match(told(() => new Machine(undefined)).code, /NOT_JSON/);
  const machine = new Machine(form);
  assert.match(told(() => machine.restore({ state: "gone", context: {} })).message, /"gone"/);
  assert.equal(told(() => machine.restore({ state: "open", context: 5 })).place, "The snapshot's `context`");
  assert.match(told(() => machine.restoreAll('[{"state":')).message, /^The snapshots must be an array, or its JSON text, not /);
  assert.equal(told(() => machine.restoreAll({ state: "open" })).code, "PLEIONE_E_NOT_JSON");
  assert.match(told(() => machine.restoreAll([{ state: "open" }, { state: "gone" }])).message, /"gone"/);
  assert.equal(told(() => new Machine({ ...form, context: "co_z1" })).place, "The definition's `context`");
  assert.equal(told(() => machine.start().send({ payload: {} })).code, "PLEIONE_E_OPTION");
  assert.equal(told(() => machine.start().send("SUBMIT")).code, "PLEIONE_E_OPTION");
});
