// Our node and npm's clients again, through both servers: invitations of every kind, streams of bytes, branches and merges,
// deletion, lists that restrict it, and looking back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, load, stopped, synced, until } from "./support/client.mjs";
import { throughEach, untilOurs, untilTold } from "./support/town.mjs";

const bytes = Array.from({ length: 250_000 }, (_, index) => (index * 7) % 256);

throughEach((town) => {
  for (const role of ["admin", "manager", "writer", "reader", "writeOnly"]) {
    test(`theirs accepts an invitation of ours to ${role}, and ours one of theirs`, async () => {
      const { our, their, ourAccount } = await town.pair(`invited to ${role}`);
      const group = await our.tell("createGroup");
      const secret = await our.tell("createInvite", { group, role });
      await our.synced();
      await load(their, group);
      await their.acceptInvite(group, secret);
      await untilTold(() => our.tell("role", { group, member: accountOf(their) }), role);

      const theirGroup = their.createGroup();
      const invitation = theirGroup.createInvite(role);
      const value = theirGroup.createMap({ by: "theirs" });
      await synced(theirGroup, value);
      await our.load(theirGroup.id);
      await our.load(value.id);
      assert.equal(await our.tell("acceptInvite", { group: theirGroup.id, secret: invitation }), role);
      await until(() => theirGroup.roleOf(ourAccount.id), role);
      if (role !== "writeOnly") await untilOurs(our, value.id, { by: "theirs" });
      if (role === "reader") return;
      await our.tell("set", { value: value.id, entries: { by: "ours" } });
      await until(() => value.get("by"), "ours");
    });
  }

  test("bytes go both ways", async () => {
    const both = await town.pair("bytes");
    const { our, their } = both;
    const owner = await town.sharedGroup(both, true, "writer");
    const value = await our.tell("create", { type: "costream", owner, meta: { type: "binary" } });
    await our.tell("writeBytes", { value, mimeType: "image/png", fileName: "a.png", bytes });
    await our.synced();
    const stream = await load(their, value);
    await until(() => stream.getBinaryChunks()?.finished, true);
    const { mimeType, fileName, totalSizeBytes, chunks } = stream.getBinaryChunks();
    assert.deepEqual({ mimeType, fileName, totalSizeBytes }, { mimeType: "image/png", fileName: "a.png", totalSizeBytes: bytes.length });
    assert.deepEqual(chunks.flatMap((chunk) => [...chunk]), bytes);

    const theirs = (await load(their, owner)).createBinaryStream();
    theirs.startBinaryStream({ mimeType: "text/plain", fileName: "b.txt", totalSizeBytes: bytes.length });
    for (let at = 0; at < bytes.length; at += 60_000) theirs.pushBinaryStreamChunk(Uint8Array.from(bytes.slice(at, at + 60_000)));
    theirs.endBinaryStream();
    await our.load(theirs.id);
    await untilTold(() => our.tell("bytes", { value: theirs.id }), bytes);
  });

  for (const type of ["comap", "colist"]) {
    test(`a branch of a ${type} is begun by either, seen by the other, and merged by either`, async () => {
      const both = await town.pair(`branches of a ${type}`);
      const { our, their } = both;
      const owner = await town.sharedGroup(both, true, "writer");
      const write = (node, value, word) => (type === "comap" ? node.tell("set", { value, entries: { [word]: 1 } }) : node.tell("append", { value, items: [word] }));
      const writeTheirs = (value, word) => (type === "comap" ? value.set(word, 1) : value.append(word));
      const words = (shown) => (type === "comap" ? Object.keys(shown).sort() : shown);
      const source = await our.tell("create", { type, owner });
      await write(our, source, "a");
      const branch = await our.tell("branch", { value: source, name: "draft" });
      await write(our, branch, "b");
      await our.synced();
      const [theirSource, theirBranch] = [await load(their, source), await load(their, branch)];
      await until(() => [words(theirSource.toJSON()), words(theirBranch.toJSON())], [["a"], ["a", "b"]]);
      writeTheirs(theirBranch, "c");
      theirBranch.core.mergeBranch();
      await until(() => words(theirSource.toJSON()), ["a", "b", "c"]);
      await untilTold(async () => words(await our.view(source)), ["a", "b", "c"]);

      const second = await their.checkoutBranch(source, "second");
      writeTheirs(second, "d");
      await synced(second);
      await our.load(second.id);
      await untilTold(async () => words(await our.view(second.id)), ["a", "b", "c", "d"]);
      await our.tell("merge", { branch: second.id });
      await until(() => words(theirSource.toJSON()), ["a", "b", "c", "d"]);
      assert.deepEqual(words(await our.view(source)), ["a", "b", "c", "d"]);
    });
  }

  test("an item that theirs merges in the very millisecond it was written in keeps its place", async () => {
    const both = await town.pair("merged at once");
    const { our, their } = both;
    const owner = await town.sharedGroup(both, true, "writer");
    const source = await our.tell("create", { type: "colist", owner });
    await our.synced();
    const theirSource = await load(their, source);
    // The second is named before the first, so that names tell another order than the writers did.
    const [second, first] = our.account < accountOf(their) ? ["ours", "theirs"] : ["theirs", "ours"];
    const branch = first === "ours" ? await our.tell("branch", { value: source, name: "draft" }) : theirSource.core.createBranch("draft").id;
    await our.load(branch);
    await our.synced();
    const theirBranch = await load(their, branch);
    const append = { ours: (word) => our.tell("append", { value: branch, items: [word] }), theirs: (word) => theirBranch.append(word) };
    const bothShow = async (value, id, words) => {
      await untilOurs(our, id, words);
      await until(() => value.toJSON(), words);
    };
    await append[first]("b");
    await bothShow(theirBranch, branch, ["b"]);
    await append[second]("c");
    await bothShow(theirBranch, branch, ["b", "c"]);
    const madeAt = Math.max(...theirBranch.core.getValidTransactions({ ignorePrivateTransactions: false }).map((it) => it.madeAt));
    stopped(madeAt, () => theirBranch.core.mergeBranch());
    await bothShow(theirSource, source, ["b", "c"]);
  });

  test("what either deletes is gone for the other", async () => {
    const both = await town.pair("deletion");
    const { our, their } = both;
    const owner = await town.sharedGroup(both, true, "admin");
    const group = await load(their, owner);
    await until(() => group.myRole(), "admin");
    const value = await our.tell("create", { type: "comap", owner });
    await our.tell("set", { value, entries: { a: 1 } });
    await our.synced();
    const map = await load(their, value);
    await until(() => map.get("a"), 1);
    // Ours keeps the tombstones alone, whoever deleted, and both go on agreeing on what there is.
    const kept = async (id) => Object.keys((await our.tell("known", { value: id })).sessions);
    const keepsTombstones = async (core) => {
      await untilTold(async () => (await kept(core.id)).every((session) => session.endsWith("$")), true);
      assert.deepEqual(await kept(core.id), Object.keys(core.knownState().sessions).filter((session) => session.endsWith("$")));
      await our.synced();
    };
    await our.tell("delete", { value });
    await until(() => map.core.isDeleted, true);
    await keepsTombstones(map.core);

    const second = group.createMap({ b: 1 });
    await synced(second);
    assert.deepEqual(await our.load(second.id), { b: 1 });
    second.core.deleteCoValue();
    await untilOurs(our, second.id, { deleted: true });
    await keepsTombstones(second.core);
  });

  test("of a list that restricts deletion a writer deletes nothing, whose ever it is", async () => {
    const both = await town.pair("restricted");
    const { our, their, ourAccount } = both;
    const owner = await town.sharedGroup(both, true, "writer");
    const value = await our.tell("create", { type: "colist", owner, restrictDeletion: true });
    await our.tell("append", { value, items: ["a", "b"] });
    await our.synced();
    const list = await load(their, value);
    await until(() => list.toJSON(), ["a", "b"]);
    list.append("c");
    await untilOurs(our, value, ["a", "b", "c"]);
    await our.tell("remove", { value, index: 0 });
    await until(() => list.toJSON(), ["b", "c"]);

    const group = their.createGroup();
    group.addMember(ourAccount, "writer");
    const theirs = group.createList(["x", "y"], undefined, undefined, undefined, undefined, { restrictDeletion: true });
    await synced(group, theirs);
    await our.load(theirs.id);
    await untilOurs(our, theirs.id, ["x", "y"]);
    theirs.delete(0);
    await untilOurs(our, theirs.id, ["y"]);
  });

  test("both look back alike", async () => {
    const both = await town.pair("past");
    const { our, their } = both;
    const owner = await town.sharedGroup(both, true, "writer");
    const value = await our.tell("create", { type: "comap", owner });
    await our.tell("set", { value, entries: { a: 1 } });
    await our.synced();
    const map = await load(their, value);
    await until(() => map.get("a"), 1);
    const first = map.lastEditAt("a").at.getTime();
    await new Promise((resolve) => setTimeout(resolve, 5));
    map.set("a", 2);
    await untilOurs(our, value, { a: 2 });
    assert.deepEqual(await our.tell("view", { value, at: first }), { a: 1 });
    assert.deepEqual(map.atTime(first).toJSON(), { a: 1 });
    assert.deepEqual(await our.tell("view", { value, at: first - 1 }), {});
  });
});
