// Two genuine npm clients share values through our server, whoever it lets write: maps, lists and streams, live, and over a
// kill of the server.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { accountOf, closeAll, credentialsOf, load, newClient, newLastingClient, sameAccount, synced, until } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

/** The items of a stream in the order of their sessions' first items: `[["a", "b"], ["c"]]`. */
const itemsOf = (stream) => Object.values(stream.items).map((items) => items.map((item) => item.value));

/** A group of two: its creator and a writer. */
async function sharedGroup(owner, writer) {
  const group = owner.createGroup();
  group.addMember(await load(owner, accountOf(writer)), "writer");
  return group;
}

for (const write of ["open", "members"]) {
  describe(`who may write: ${write}`, () => {
    let server;
    before(async () => {
      server = await Server.start({ SYNC_MAIA_WRITE: write });
    });
    after(async () => {
      await closeAll();
      assert.deepEqual(await server.refused(), {}, "a genuine peer's message was refused");
      assert.equal(await server.stop(), 0);
    });

    test("two clients see each other's map, list and stream, live", async () => {
      const [alice, bob] = [await newClient(server.url, "Alice"), await newClient(server.url, "Bob")];
      const group = await sharedGroup(alice, bob);
      const mine = { map: group.createMap({ title: "milk" }), list: group.createList(["a", "b"]), stream: group.createStream() };
      mine.stream.push("first");
      await synced(group, mine.map, mine.list, mine.stream);

      const theirs = { map: await load(bob, mine.map.id), list: await load(bob, mine.list.id), stream: await load(bob, mine.stream.id) };
      await until(() => theirs.map.toJSON(), { title: "milk" });
      await until(() => theirs.list.toJSON(), ["a", "b"]);
      await until(() => itemsOf(theirs.stream), [["first"]]);

      theirs.map.set("done", true);
      theirs.list.append("c");
      theirs.stream.push("second");
      await until(() => mine.map.toJSON(), { title: "milk", done: true });
      await until(() => mine.list.toJSON(), ["a", "b", "c"]);
      await until(() => itemsOf(mine.stream).flat().sort(), ["first", "second"]);

      mine.map.delete("title");
      mine.list.delete(0);
      await until(() => theirs.map.toJSON(), { done: true });
      await until(() => theirs.list.toJSON(), ["b", "c"]);
    });

    test("who is no member reads nothing, and a removed one nothing new", async () => {
      const [alice, bob, carol] = await Promise.all(["Alice", "Bob", "Carol"].map((name) => newClient(server.url, name)));
      const group = await sharedGroup(alice, bob);
      const map = group.createMap({ secret: 1 });
      await synced(group, map);
      const [bobs, carols] = [await load(bob, map.id), await load(carol, map.id)];
      await until(() => bobs.toJSON(), { secret: 1 });
      assert.deepEqual(carols.toJSON(), {});

      await group.removeMember(await load(alice, accountOf(bob)));
      map.set("secret", 2);
      await synced(group, map);
      await until(() => map.get("secret"), 2);
      const again = await sameAccount(server.url, credentialsOf(bob));
      const bobsAgain = await load(again, map.id);
      assert.notEqual(bobsAgain.get("secret"), 2);
    });

    test("a thousand transactions and a long one arrive whole, at a client that comes later", async () => {
      const alice = await newClient(server.url, "Alice");
      const group = alice.createGroup();
      group.addMember("everyone", "reader");
      const map = group.createMap();
      for (let index = 0; index < 1_000; index += 1) map.set(`key ${index}`, index);
      map.set("long", "x".repeat(700_000));
      for (let index = 0; index < 60; index += 1) map.set(`page ${index}`, "y".repeat(10_000));
      await synced(group, map);

      const bob = await newClient(server.url, "Bob");
      const copy = await load(bob, map.id);
      await until(() => Object.keys(copy.toJSON()).length, 1_061);
      assert.deepEqual(copy.toJSON(), map.toJSON());
    });

    test("what was acknowledged outlives a SIGKILL, and a fresh client loads all of it", async () => {
      const [alice, bob] = [await newLastingClient(server.url, "Alice"), await newLastingClient(server.url, "Bob")];
      await synced(alice.expectCurrentAccount("test"), bob.expectCurrentAccount("test"));
      const group = await sharedGroup(alice, bob);
      const [map, list] = [group.createMap({ round: 0 }), group.createList([0])];
      await synced(group, map, list);
      const bobs = await load(bob, map.id);
      for (let round = 1; round <= 3; round += 1) {
        map.set("round", round);
        list.append(round);
        await synced(map, list);
        await server.kill();
        // Both work on while the server is down.
        map.set(`alice ${round}`, "offline");
        bobs.set(`bob ${round}`, "offline");
        await server.start();
        await until(() => bobs.get(`alice ${round}`), "offline", 20_000);
        await until(() => map.get(`bob ${round}`), "offline", 20_000);
      }
      await synced(map, list);
      await server.kill();
      await server.start();

      const device = await sameAccount(server.url, credentialsOf(alice));
      const [freshMap, freshList] = [await load(device, map.id), await load(device, list.id)];
      await until(() => freshMap.toJSON(), map.toJSON());
      await until(() => freshList.toJSON(), [0, 1, 2, 3]);
    });

    test("an invitation makes a writer, and who is a member of a parent group writes too", async () => {
      const [alice, bob, carol] = await Promise.all(["Alice", "Bob", "Carol"].map((name) => newClient(server.url, name)));
      const [group, parent] = [alice.createGroup(), alice.createGroup()];
      group.extend(parent);
      const map = group.createMap({ by: "alice" });
      const invitation = group.createInvite("writer");
      parent.addMember(await load(alice, accountOf(carol)), "writer");
      await synced(group, parent, map);

      await bob.acceptInvite(group.id, invitation);
      const [bobs, carols] = [await load(bob, map.id), await load(carol, map.id)];
      await until(() => [bobs.get("by"), carols.get("by")], ["alice", "alice"]);
      bobs.set("by", "bob");
      await until(() => map.get("by"), "bob");
      carols.set("by", "carol");
      await until(() => map.get("by"), "carol");
      await synced(bobs, carols, await load(bob, group.id));
    });

    test("an admin deletes a value, and it is gone for others", async () => {
      const [alice, bob] = [await newClient(server.url, "Alice"), await newClient(server.url, "Bob")];
      const group = await sharedGroup(alice, bob);
      const map = group.createMap({ title: "milk" });
      await synced(group, map);
      const bobs = await load(bob, map.id);
      await until(() => bobs.get("title"), "milk");
      assert.throws(() => bobs.core.deleteCoValue(), /admin/);
      map.core.deleteCoValue();
      await until(() => bobs.core.isDeleted, true);
    });
  });
}
