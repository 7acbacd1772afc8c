// What JavaScript sees, function by function, and that the package's types name all of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { note } from "./support/actors.mjs";
import { newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { root } from "./support/program.mjs";
import { pages, startServer } from "./support/server.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

async function blankPage(t) {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  page.server = server;
  return page;
}

test("a runtime is opened with an account that it keeps under its name", async (t) => {
  const page = await blankPage(t);
  const open = (options) =>
    page.evaluate(async (options) => {
      const runtime = await Runtime.open(options);
      const { accountId, secret } = runtime;
      await runtime.close();
      return { accountId, secret };
    }, options);
  const first = await open({ name: "one" });
  assert.match(first.accountId, /^co_z[1-9A-HJ-NP-Za-km-z]+$/);
  assert.match(first.secret, /^sealerSecret_z[^/]+\/signerSecret_z/);
  assert.deepEqual(await open({ name: "one" }), first);
  const other = await open({ name: "two" });
  assert.notEqual(other.accountId, first.accountId);
  assert.deepEqual(await open({ name: "three", secret: first.secret }), first, "the same secret is the same account");
});

test("r12_wrong_options_are_refused_in_words", async (t) => {
  const page = await blankPage(t);
  const cases = [{ name: 7 }, { name: "" }, { name: "a", storage: "floppy" }, { name: "a", sync: "not an address" }, { name: "a", secret: "none" }];
  for (const options of cases) {
    const told = await page.evaluate((options) => outcome(Runtime.open(options)), options);
    assert.equal(told.isError, true, JSON.stringify(options));
    assert.match(told.code, /^PLEIONE_E_/);
    assert.ok(told.message.length > 10, told.message);
  }
});

test("an actor is created, sent to, headless, restored by its id, and destroyed", async (t) => {
  const page = await blankPage(t);
  const seen = await page.evaluate(async (note) => {
    const runtime = await Runtime.open({ name: "test" });
    const actor = await runtime.actor(note);
    const contexts = [];
    const stop = actor.context.subscribe((context) => contexts.push(context.text), { skipInitial: true });
    const results = [
      await actor.send({ type: "WRITE", payload: { text: "a" } }),
      await actor.send({ type: "WRITE", payload: { text: "b" } }),
    ];
    stop();
    await actor.send({ type: "WRITE", payload: { text: "c" } });
    const unknown = await outcome(actor.send({ type: "NO_SUCH" }));
    const seen = { id: actor.id, state: actor.state, contexts, results, unknown, text: actor.context.value.text };
    actor.destroy();
    seen.afterwards = await outcome((async () => actor.send({ type: "WRITE", payload: { text: "d" } }))());
    seen.restored = (await runtime.actor(note)).context.value.text;
    return seen;
  }, note);
  assert.deepEqual([seen.id, seen.state, seen.text], ["note", "idle", "c"]);
  assert.deepEqual(seen.contexts, ["a", "b"]);
  assert.deepEqual(seen.results, [{ handled: true }, { handled: true }]);
  assert.equal(seen.unknown.isError, true, "a type that messageTypes does not name is refused");
  assert.match(seen.unknown.message, /NO_SUCH/);
  assert.equal(seen.afterwards.isError, true);
  assert.equal(seen.restored, "c");
});

test("an event that no state takes is ignored, and send says so", async (t) => {
  const page = await blankPage(t);
  const handled = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "test", storage: "memory" });
    const states = { locked: { on: { UNLOCK: "open" } }, open: { on: { LOCK: "locked" } } };
    const actor = await runtime.actor({ id: "door", messageTypes: ["LOCK", "UNLOCK"], state: { initial: "locked", states } });
    const results = [await actor.send({ type: "LOCK" }), await actor.send({ type: "UNLOCK" }), actor.state];
    return results;
  });
  assert.deepEqual(handled, [{ handled: false }, { handled: true }, "open"]);
});

test("an actor with an element is shown in it, and flush shows what is pending now", async (t) => {
  const page = await blankPage(t);
  const shown = await page.evaluate(async (note) => {
    const runtime = await Runtime.open({ name: "test" });
    const actor = await runtime.actor(note, element());
    const text = () => element().shadowRoot.querySelector(".note").textContent;
    await actor.send({ type: "WRITE", payload: { text: "now" } });
    runtime.flush();
    const flushed = text();
    const { renders } = runtime.stats;
    runtime.flush();
    const again = runtime.stats.renders;
    actor.destroy();
    return { flushed, isRenderedOnce: renders === again, left: element().shadowRoot.querySelector(".note") };
  }, note);
  assert.deepEqual(shown, { flushed: "now", isRenderedOnce: true, left: null });
});

test("a tool gets the payload of its call and tells SUCCESS or ERROR", async (t) => {
  const page = await blankPage(t);
  const results = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "test", storage: "memory" });
    runtime.registerTool("@math/half", {
      parameters: { type: "object", properties: { of: { type: "number" } }, required: ["of"] },
      idempotent: true,
      async execute({ of }) {
        if (of % 2) throw new Error(`${of} is odd`);
        return { half: of / 2 };
      },
    });
    const actor = await runtime.actor({
      id: "halver",
      context: { half: null, error: null },
      messageTypes: ["HALVE"],
      state: {
        initial: "idle",
        states: {
          idle: { on: { HALVE: "working" } },
          working: {
            entry: { tool: "@math/half", payload: { of: "$$of" } },
            on: {
              SUCCESS: { target: "idle", actions: [{ updateContext: { half: "$$result.half", error: null } }] },
              ERROR: { target: "idle", actions: [{ updateContext: { error: "$$errors.0.message", half: null } }] },
            },
          },
        },
      },
    });
    const results = [];
    for (const of of [8, 7, "many"]) {
      await actor.send({ type: "HALVE", payload: { of } });
      const { half, error } = await until(actor.context, () => actor.state === "idle");
      results.push([half, error]);
    }
    return results;
  });
  assert.deepEqual(results.slice(0, 2), [[4, null], [null, "7 is odd"]]);
  assert.equal(results[2][0], null);
  assert.match(results[2][1], /of|number/, "a payload that the parameters refuse is an ERROR");
});

test("maps, lists and streams hold what they are given, over a reload", async (t) => {
  const page = await blankPage(t);
  const ids = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "test" });
    const group = runtime.createGroup();
    const map = runtime.createMap({ a: 1 }, group);
    map.set("b", { deep: [true, null, "ü"] });
    map.set("gone", 1);
    map.delete("gone");
    const list = runtime.createList(["b"], group);
    list.append("d");
    list.prepend("a");
    list.insert(2, "c");
    list.append("x");
    list.delete(4);
    list.replace(3, "D");
    const stream = runtime.createStream(group);
    stream.push("one");
    stream.push({ two: 2 });
    const mine = runtime.createMap({ owner: "the account's own group" });
    await runtime.settled();
    const now = [map.toJSON(), map.get("b"), list.toJSON(), stream.items.length ?? stream.items().length, mine.toJSON()];
    await runtime.close();
    return { now, ids: [map.id, list.id, stream.id, mine.id] };
  });
  assert.deepEqual(ids.now[0], { a: 1, b: { deep: [true, null, "ü"] } });
  assert.deepEqual(ids.now[1], { deep: [true, null, "ü"] });
  assert.deepEqual(ids.now[2], ["a", "b", "c", "D"]);
  assert.equal(ids.now[3], 2);
  assert.ok(ids.ids.every((id) => /^co_z/.test(id)));
  await page.reload();
  await page.waitForFunction(() => globalThis.isReady);
  const loaded = await page.evaluate(async (ids) => {
    const runtime = await Runtime.open({ name: "test" });
    const stores = await Promise.all(ids.map((id) => runtime.load(id)));
    return stores.map((store) => store.value);
  }, ids.ids);
  assert.deepEqual(loaded[0], ids.now[0]);
  assert.deepEqual(loaded[1], ids.now[2]);
  assert.match(JSON.stringify(loaded[2]), /one.*two/);
  assert.deepEqual(loaded[3], ids.now[4]);
});

test("r7_a_store_calls_each_subscriber_until_it_leaves_and_one_that_throws_stops_no_other", async (t) => {
  const page = await blankPage(t);
  const seen = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "test", storage: "memory" });
    addEventListener("error", (event) => event.preventDefault());
    const map = runtime.createMap({ n: 0 });
    const store = await runtime.load(map.id);
    const seen = { eager: [], lazy: [] };
    const stops = [
      store.subscribe(() => { throw new Error("a bad subscriber"); }),
      store.subscribe(({ n }) => seen.eager.push(n)),
      store.subscribe(({ n }) => seen.lazy.push(n), { skipInitial: true }),
    ];
    for (const n of [1, 2]) {
      map.set("n", n);
      await runtime.settled();
    }
    stops.forEach((stop) => stop());
    stops.forEach((stop) => stop());
    map.set("n", 3);
    await runtime.settled();
    return { ...seen, last: store.value.n };
  });
  assert.deepEqual(seen, { eager: [0, 1, 2], lazy: [1, 2], last: 3 });
});

test("a group's member reads what the group owns, an outsider does not", async (t) => {
  const page = await blankPage(t);
  const seen = await page.evaluate(async () => {
    const open = (name) => Runtime.open({ name, storage: "memory", sync: syncAddress });
    const [owner, member, outsider] = await Promise.all(["owner", "member", "outsider"].map(open));
    await member.synced(); // so that the owner can find the member's account
    await outsider.synced();
    const group = owner.createGroup();
    await group.addMember(member.accountId, "reader");
    const map = owner.createMap({ text: "for members" }, group);
    const open_group = owner.createGroup();
    await open_group.addMember("everyone", "reader");
    const open_map = owner.createMap({ text: "for everyone" }, open_group);
    await owner.synced();
    const read = async (runtime, id) => {
      const { value, ...error } = await outcome(runtime.load(id));
      return value ? value.value : error.code;
    };
    const seen = {
      member: await read(member, map.id),
      outsider: await read(outsider, map.id),
      everyone: await read(outsider, open_map.id),
    };
    await group.removeMember(member.accountId);
    map.set("text", "after the member left");
    await owner.synced();
    seen.owner = map.toJSON();
    const store = await outcome(member.load(map.id));
    await member.synced();
    seen.left = store.value?.value?.text ?? "unreadable";
    return seen;
  });
  assert.deepEqual(seen.member, { text: "for members" });
  assert.notDeepEqual(seen.outsider, { text: "for members" });
  assert.deepEqual(seen.everyone, { text: "for everyone" });
  assert.deepEqual(seen.owner, { text: "after the member left" });
  assert.notEqual(seen.left, "after the member left");
});

test("the sync status tells what is pending, settled and synced wait for it, close ends all", async (t) => {
  const page = await blankPage(t);
  const open = () =>
    page.evaluate(async () => {
      globalThis.runtime = await Runtime.open({ name: "test", sync: syncAddress });
      globalThis.states = [];
      runtime.syncStatus.subscribe((status) => states.push(status));
    });
  await open();
  await page.evaluate(async () => {
    runtime.createMap({ a: 1 });
    await runtime.synced();
  });
  const status = await page.evaluate(() => runtime.syncStatus.value);
  assert.deepEqual(status, { state: "synced", pending: 0 });
  await page.server.stop();
  const offline = await page.evaluate(async () => {
    await until(runtime.syncStatus, ({ state }) => state === "offline");
    runtime.createMap({ a: 2 });
    await runtime.settled();
    return until(runtime.syncStatus, ({ pending }) => pending > 0);
  });
  assert.ok(offline.pending >= 1);
  const states = await page.evaluate(() => states.map(({ state }) => state));
  assert.ok(states.every((state) => ["offline", "connecting", "syncing", "synced"].includes(state)), states.join());
  const closed = await page.evaluate(async () => {
    await runtime.close();
    return outcome((async () => runtime.createMap({}))());
  });
  assert.equal(closed.code, "PLEIONE_E_CLOSED");
});

test("without a server, a runtime works and synced says that there is none", async (t) => {
  const page = await blankPage(t);
  const told = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "test", storage: "memory" });
    const map = runtime.createMap({ a: 1 });
    await runtime.settled();
    return { state: runtime.syncStatus.value.state, map: map.toJSON(), synced: await outcome(runtime.synced()) };
  });
  assert.equal(told.state, "offline");
  assert.deepEqual(told.map, { a: 1 });
  assert.equal(told.synced.code, "PLEIONE_E_NO_SYNC");
});

test("the types name everything that JavaScript sees", () => {
  const types = readFileSync(join(root, "pkg", "pleione.d.ts"), "utf8");
  const members = {
    Runtime: "open accountId secret syncStatus problems stats registerTool actor createGroup acceptInvite setProfile profile root createMap createList createStream load settled synced flush close",
    Actor: "id state context send destroy",
    Group: "id addMember removeMember members roleOf myRole extend revokeExtend parents createInvite invites revokeInvite",
    CoMap: "id set get delete toJSON",
    CoList: "id append prepend insert delete replace toJSON",
    CoStream: "id push items",
  };
  for (const [name, names] of Object.entries(members)) {
    const body = new RegExp(`class ${name}\\b[^{]*{([\\s\\S]*?)^}`, "m").exec(types)?.[1];
    assert.ok(body, `${name} has a type`);
    for (const member of names.split(" ")) assert.match(body, new RegExp(`\\b${member}\\b`), `${name}.${member}`);
  }
  assert.match(types, /subscribe\(/);
  assert.match(types, /export default function/);
});
