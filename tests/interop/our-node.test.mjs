// Our node and npm's clients are equal members of one group, through npm's server and through ours: every kind of value, every
// way of becoming a member and of ceasing to be one, in both directions, and connections that break in between.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, load, newLastingClient, synced, until } from "./support/client.mjs";
import { itemsOf, throughEach, untilOurs, untilSame, untilTold } from "./support/town.mjs";

throughEach((town) => {
  for (const byOurs of [true, false]) {
    const who = byOurs ? "ours" : "theirs";

    test(`all kinds of values in a group of ${who}, live`, async () => {
      const both = await town.pair(`values of ${who}`);
      const { our, their } = both;
      const owner = await town.sharedGroup(both, byOurs, "writer");
      const ids = {};
      if (byOurs) {
        for (const type of ["comap", "colist", "costream", "coplaintext"]) ids[type] = await our.tell("create", { type, owner });
        await our.tell("set", { value: ids.comap, entries: { title: "milk", count: 1.5, gone: true } });
        await our.tell("append", { value: ids.colist, items: ["a", { deep: [1, null] }, "c"] });
        await our.tell("push", { value: ids.costream, item: "first" });
        await our.tell("append", { value: ids.coplaintext, items: [..."héllo"] });
        await our.synced();
      } else {
        const group = await load(their, owner);
        const made = [group.createMap({ title: "milk", count: 1.5, gone: true }), group.createList(["a", { deep: [1, null] }, "c"]), group.createStream(), group.createPlainText("héllo")];
        made[2].push("first");
        await synced(...made);
        [ids.comap, ids.colist, ids.costream, ids.coplaintext] = made.map((value) => value.id);
      }
      const [map, list, stream, text] = await Promise.all([ids.comap, ids.colist, ids.costream, ids.coplaintext].map((id) => load(their, id)));
      for (const id of Object.values(ids)) await our.load(id);
      await until(() => [map.toJSON(), list.toJSON(), Object.values(itemsOf(stream)), text.toString()], [
        { title: "milk", count: 1.5, gone: true },
        ["a", { deep: [1, null] }, "c"],
        [["first"]],
        "héllo",
      ]);

      await our.tell("set", { value: ids.comap, entries: { ours: "ü \u{1f600} \"quoted\"\n" } });
      await our.tell("unset", { value: ids.comap, keys: ["gone"] });
      await our.tell("insert", { value: ids.colist, index: 1, items: ["b", "b2"] });
      await our.tell("remove", { value: ids.colist, index: 0 });
      await our.tell("push", { value: ids.costream, item: { ours: true } });
      await our.tell("insert", { value: ids.coplaintext, index: 5, items: [" ", "👩‍👩‍👧"] });
      await until(() => [map.toJSON(), list.toJSON(), text.toString()], [
        { title: "milk", count: 1.5, ours: "ü \u{1f600} \"quoted\"\n" },
        ["b", "b2", { deep: [1, null] }, "c"],
        "héllo 👩‍👩‍👧",
      ]);
      map.set("theirs", [1, 2]);
      map.delete("title");
      list.append("d");
      list.prepend("z");
      list.replace(2, "B2");
      stream.push({ theirs: true });
      text.deleteRange({ from: 0, to: 1 });
      text.insertAfter(0, "!");
      await untilOurs(our, ids.comap, map.toJSON());
      await untilOurs(our, ids.colist, ["z", "b", "B2", { deep: [1, null] }, "c", "d"]);
      await untilOurs(our, ids.costream, itemsOf(stream));
      await untilOurs(our, ids.coplaintext, text.toString());
      assert.equal(text.toString(), "é!llo 👩‍👩‍👧");
    });

    test(`a rotation by ${who}: the removed one reads nothing new, and is let in again`, async () => {
      const both = await town.pair(`rotation by ${who}`);
      const { our, their, ourAccount } = both;
      const group = await town.sharedGroup(both, byOurs, "writer");
      const value = byOurs ? await our.tell("create", { type: "comap", owner: group }) : (await load(their, group)).createMap({}).id;
      const theirGroup = await load(their, group);
      const map = await load(their, value);
      await our.load(value);
      const write = (entries) => (byOurs ? our.tell("set", { value, entries }) : Object.entries(entries).forEach(([key, it]) => map.set(key, it)));
      await write({ before: 1 });
      await untilOurs(our, value, { before: 1 });
      await until(() => map.toJSON(), { before: 1 });

      if (byOurs) await our.tell("removeMember", { group, member: accountOf(their) });
      else await theirGroup.removeMember(ourAccount);
      await write({ after: 2 });
      await our.synced();
      await synced(map, theirGroup);
      await untilSame(our, map);
      if (byOurs) assert.deepEqual(map.toJSON(), { before: 1 });
      else assert.deepEqual(await our.view(value), { before: 1 });

      if (byOurs) await our.tell("addMember", { group, member: accountOf(their), role: "reader" });
      else theirGroup.addMember(ourAccount, "reader");
      await until(() => map.toJSON(), { before: 1, after: 2 });
      await untilOurs(our, value, { before: 1, after: 2 });
    });

    test(`members of a parent group of ${who} read and write in the child`, async () => {
      const both = await town.pair(`parents of ${who}`);
      const { our, their, ourAccount } = both;
      const [parent, child] = [await town.sharedGroup(both, byOurs, "writer"), await town.groupAlone(both, byOurs)];
      let value;
      if (byOurs) {
        await our.tell("extend", { group: child, parent, role: "extend" });
        value = await our.tell("create", { type: "comap", owner: child });
        await our.tell("set", { value, entries: { by: "ours" } });
        await our.synced();
        const map = await load(their, value);
        await until(() => map.get("by"), "ours");
        map.set("by", "theirs");
        await untilOurs(our, value, { by: "theirs" });
        await our.tell("removeMember", { group: parent, member: accountOf(their) });
        await our.tell("set", { value, entries: { secret: 1 } });
        await our.synced();
        await untilSame(our, map);
        assert.deepEqual(map.toJSON(), { by: "theirs" });
      } else {
        const [theirParent, theirChild] = [await load(their, parent), await load(their, child)];
        theirChild.extend(theirParent);
        const map = theirChild.createMap({ by: "theirs" });
        await synced(theirParent, theirChild, map);
        value = map.id;
        await our.load(value);
        await untilOurs(our, value, { by: "theirs" });
        await our.tell("set", { value, entries: { by: "ours" } });
        await until(() => map.get("by"), "ours");
        await theirParent.removeMember(ourAccount);
        map.set("secret", 1);
        await synced(theirParent, theirChild, map);
        await untilSame(our, map);
        assert.deepEqual(await our.view(value), { by: "ours" });
      }
    });
  }

  test("public groups are read by everyone, ours and theirs", async () => {
    const { our, their } = await town.pair("public");
    const owner = await our.tell("createGroup");
    await our.tell("addMember", { group: owner, member: "everyone", role: "writer" });
    const value = await our.tell("create", { type: "comap", owner });
    await our.tell("set", { value, entries: { hello: "world" } });
    await our.synced();
    const map = await load(their, value);
    await until(() => map.get("hello"), "world");
    map.set("back", 1);
    await untilOurs(our, value, { hello: "world", back: 1 });
    const group = their.createGroup();
    group.addMember("everyone", "reader");
    const second = group.createMap({ public: true });
    await synced(group, second);
    assert.deepEqual(await our.load(second.id), { public: true });
  });

  test("a write-only member's item is read by readers alone, both ways", async () => {
    const both = await town.pair("write only");
    const { our, their, ourAccount } = both;
    const owner = await town.sharedGroup(both, true, "writeOnly");
    const value = await our.tell("create", { type: "costream", owner });
    await our.tell("push", { value, item: "hidden" });
    await our.synced();
    const stream = await load(their, value);
    stream.push("from theirs");
    await until(() => Object.values(itemsOf(stream)).flat(), ["from theirs"]);
    await untilTold(async () => Object.values(await our.view(value)).flat().sort(), ["from theirs", "hidden"]);

    const group = their.createGroup();
    group.addMember(ourAccount, "writeOnly");
    const second = group.createMap({ theirs: 1 });
    await synced(group, second);
    await our.load(second.id);
    await our.tell("set", { value: second.id, entries: { ours: 2 } });
    await until(() => second.toJSON(), { theirs: 1, ours: 2 });
    assert.deepEqual(await our.view(second.id), { ours: 2 });
  });

  test("a long value goes both ways in pieces, over connections that break in the middle", async () => {
    const our = await town.ours("long (ours)");
    const their = await newLastingClient(town.server.url, "long (theirs)");
    await synced(their.expectCurrentAccount("test"));
    const owner = await our.tell("createGroup");
    await our.load(accountOf(their));
    await our.tell("addMember", { group: owner, member: accountOf(their), role: "writer" });
    const value = await our.tell("create", { type: "comap", owner });
    const page = "y".repeat(10_000);
    for (let index = 0; index < 60; index += 1) {
      await our.tell("set", { value, entries: { [`ours ${index}`]: page } });
      if (index % 20 === 10) {
        await our.disconnect();
        await our.connect(town.server.url);
      }
    }
    await our.synced();
    const map = await load(their, value);
    await until(() => Object.keys(map.toJSON()).length, 60, 20_000);
    // Both write on while nobody is connected.
    await our.disconnect();
    await town.server.kill();
    for (let index = 0; index < 60; index += 1) {
      map.set(`theirs ${index}`, page);
      await our.tell("set", { value, entries: { [`offline ${index}`]: index } });
    }
    await town.server.start();
    await our.connect(town.server.url);
    await until(() => Object.keys(map.toJSON()).length, 180, 30_000);
    await our.synced(20_000);
    await untilOurs(our, value, map.toJSON(), 20_000);
  });

  test("what a server does not know that it once had is brought again", async () => {
    const { our, their } = await town.pair("again");
    const owner = await our.tell("createGroup");
    await our.tell("addMember", { group: owner, member: "everyone", role: "reader" });
    const value = await our.tell("create", { type: "comap", owner });
    await our.tell("set", { value, entries: { a: 1 } });
    await our.synced();
    const map = await load(their, value);
    await until(() => map.get("a"), 1);
    await our.tell("restart");
    await our.connect(town.server.url);
    assert.deepEqual(await our.load(value), { a: 1 });
    await our.tell("set", { value, entries: { a: 2 } });
    await until(() => map.get("a"), 2);
  });
});
