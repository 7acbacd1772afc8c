// Joining and being somebody, between our node and npm's: invitations of every kind made by one and accepted by the other,
// accounts of one opened by the other, and groups in which everyone may only write; through npm's server and through ours.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { accountOf, closeAll, credentialsOf, load, newClient, sameAccount, synced, until } from "./support/client.mjs";
import { NpmServer } from "./support/npm-server.mjs";
import { Peers } from "./support/peer.mjs";
import { Server } from "./support/server.mjs";

const servers = {
  "npm's server": () => NpmServer.start(),
  "our server": () => Server.start({ SYNC_MAIA_WRITE: "members" }),
};
const roles = ["admin", "manager", "writer", "reader", "writeOnly"];

/** Asks until the answer is as expected. */
async function untilTold(ask, expected, limitMs = 10_000) {
  for (const end = Date.now() + limitMs; ; ) {
    const told = await ask();
    if (isDeepStrictEqual(told, expected)) return;
    if (Date.now() > end) assert.deepEqual(told, expected);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

for (const [what, start] of Object.entries(servers)) {
  describe(`through ${what}`, () => {
    let server;
    let peers;
    before(async () => {
      server = await start();
      peers = new Peers();
    });
    after(async () => {
      await closeAll();
      await peers.close();
      const refused = await server.refused();
      await server.stop();
      assert.deepEqual(refused, {}, "a genuine peer's message was refused");
    });

    async function ours(name, opening) {
      const node = await peers.open(name, opening);
      await node.connect(server.url);
      await node.synced();
      return node;
    }

    const untilOurs = (node, value, expected) => untilTold(() => node.view(value), expected);

    /** What is founded of an account, once storage has answered. */
    async function founded(node, what) {
      for (;;) {
        const id = await node.tell(what);
        if (id) return id;
      }
    }

    for (const role of roles) {
      const [reads, writes] = [role !== "writeOnly", role !== "reader"];

      test(`an invitation to ${role} that we made is accepted by theirs`, async () => {
        const [our, their] = [await ours(`inviting ${role}`), await newClient(server.url, role)];
        const group = await our.tell("createGroup");
        const value = await our.tell("create", { type: "comap", owner: group });
        await our.tell("set", { value, entries: { by: "ours" } });
        const secret = await our.tell("createInvite", { group, role });
        await our.synced();

        await their.acceptInvite(value, secret);
        const [theirGroup, map] = [await load(their, group), await load(their, value)];
        await until(() => theirGroup.myRole(), role);
        await untilTold(() => our.tell("role", { group, member: accountOf(their) }), role);
        await until(() => map.get("by"), reads ? "ours" : undefined);
        if (!writes) return;
        map.set("theirs", 1);
        await untilOurs(our, value, { by: "ours", theirs: 1 });
      });

      test(`an invitation to ${role} that they made is accepted by ours`, async () => {
        const [our, their] = [await ours(`invited to ${role}`), await newClient(server.url, role)];
        const group = their.createGroup();
        const map = group.createMap({ by: "theirs" });
        const secret = group.createInvite(role);
        await synced(group, map);

        await our.load(map.id);
        await untilTold(() => our.tell("invitedTo", { group: group.id, secret }), role);
        assert.equal(await our.tell("acceptInvite", { group: group.id, secret }), role);
        await until(() => group.roleOf(our.account), role);
        await untilOurs(our, map.id, reads ? { by: "theirs" } : {});
        if (!writes) return;
        await our.tell("set", { value: map.id, entries: { ours: 1 } });
        await until(() => map.toJSON(), { by: "theirs", ours: 1 });
      });
    }

    test("an invitation that we took back opens nothing, and who came by it stays and reads on", async () => {
      const [our, first, second] = [await ours("taking back"), await newClient(server.url, "first"), await newClient(server.url, "second")];
      const group = await our.tell("createGroup");
      const value = await our.tell("create", { type: "comap", owner: group });
      const secret = await our.tell("createInvite", { group, role: "writer" });
      await our.synced();
      await first.acceptInvite(group, secret);
      await untilTold(() => our.tell("role", { group, member: accountOf(first) }), "writer");
      await our.tell("revokeInvite", { group, secret });
      await our.tell("set", { value, entries: { after: 1 } });
      await our.synced();
      await assert.rejects(second.acceptInvite(group, secret));
      const map = await load(first, value);
      await until(() => map.get("after"), 1);
      assert.equal((await load(second, value)).get("after"), undefined);
    });

    test("who was removed by ours comes back by an invitation of theirs, and reads what came between", async () => {
      const [our, their] = [await ours("removing"), await newClient(server.url, "owner")];
      const group = their.createGroup();
      await synced(their.expectCurrentAccount("test"));
      group.addMember(await load(their, our.account), "admin");
      const map = group.createMap({ before: 1 });
      const secret = group.createInvite("reader");
      await synced(group, map);
      const guest = await newClient(server.url, "guest");
      await guest.acceptInvite(group.id, secret);
      const copy = await load(guest, map.id);
      await until(() => copy.toJSON(), { before: 1 });
      await our.load(map.id);
      await untilTold(() => our.tell("role", { group: group.id, member: accountOf(guest) }), "reader");
      await our.tell("removeMember", { group: group.id, member: accountOf(guest) });
      await our.tell("set", { value: map.id, entries: { between: 2 } });
      await until(() => map.toJSON(), { before: 1, between: 2 });
      assert.deepEqual(copy.toJSON(), { before: 1 });
      await guest.acceptInvite(group.id, secret);
      await until(() => copy.toJSON(), { before: 1, between: 2 });
    });

    test("an account that we made is opened by theirs with its secret, its profile and root read", async () => {
      const our = await ours("account of ours");
      const [profile, root] = [await founded(our, "profile"), await founded(our, "root")];
      await our.tell("set", { value: profile, entries: { name: "Alice" } });
      await our.tell("set", { value: root, entries: { theme: "dark" } });
      const value = await our.tell("create", { type: "comap" });
      await our.tell("set", { value, entries: { mine: true } });
      await our.synced();

      const their = await sameAccount(server.url, { accountID: our.account, accountSecret: our.secret });
      const account = their.expectCurrentAccount("test");
      assert.deepEqual([account.get("profile"), account.get("root")], [profile, root]);
      await until(() => their.getCoValue(profile).getCurrentContent().toJSON(), { name: "Alice" });
      const [theirRoot, theirValue] = [await load(their, root), await load(their, value)];
      await until(() => [theirRoot.toJSON(), theirValue.toJSON()], [{ theme: "dark" }, { mine: true }]);
      theirRoot.set("theme", "light");
      await untilOurs(our, root, { theme: "light" });

      const other = await newClient(server.url, "other");
      assert.deepEqual((await load(other, profile)).toJSON(), { name: "Alice" }, "everyone reads the profile");
      assert.deepEqual((await load(other, root)).toJSON(), {});
    });

    test("an account that they made is opened by ours with its secret, and keeps the profile that it has", async () => {
      const their = await newClient(server.url, "Bob");
      const account = their.expectCurrentAccount("test");
      const map = their.createGroup().createMap({ mine: true });
      await synced(account, map);
      const { accountSecret } = credentialsOf(their);
      const our = await peers.open("account of theirs", { secret: accountSecret });
      assert.equal(our.account, account.id);
      await our.connect(server.url);
      const profile = account.get("profile");
      await untilTold(() => our.tell("profile"), profile);
      assert.deepEqual(await our.load(profile), { name: "Bob" });
      assert.deepEqual(await our.load(map.id), { mine: true });
      await our.tell("set", { value: profile, entries: { name: "Robert" } });
      await until(() => their.getCoValue(profile).getCurrentContent().get("name"), "Robert");
    });

    test("where everyone may only write, ours and theirs see their own and the owner all", async () => {
      const [our, their, stranger] = [await ours("box of ours"), await newClient(server.url, "owner"), await newClient(server.url, "stranger")];
      const owner = await our.tell("createGroup");
      await our.tell("addMember", { group: owner, member: "everyone", role: "writeOnly" });
      const box = await our.tell("create", { type: "comap", owner });
      await our.tell("set", { value: box, entries: { hidden: 1 } });
      await our.synced();
      const theirs = await load(stranger, box);
      theirs.set("stranger", 1);
      await until(() => theirs.toJSON(), { stranger: 1 });
      await untilOurs(our, box, { hidden: 1, stranger: 1 });

      const group = their.createGroup();
      group.addMember("everyone", "writeOnly");
      const second = group.createMap({ hidden: 1 });
      await synced(their.expectCurrentAccount("test"), group, second);
      await our.load(second.id);
      await our.tell("set", { value: second.id, entries: { ours: 1 } });
      await until(() => second.toJSON(), { hidden: 1, ours: 1 });
      assert.deepEqual(await our.view(second.id), { ours: 1 });
    });
  });
}

test("what a removed member dates back is refused by a server that saw the removal", async () => {
  const server = await Server.start({ SYNC_MAIA_WRITE: "members" });
  const peers = new Peers();
  const our = await peers.open("owner");
  try {
    await our.connect(server.url);
    const their = await newClient(server.url, "removed");
    await synced(their.expectCurrentAccount("test"));
    await our.load(accountOf(their));
    const group = await our.tell("createGroup");
    await our.tell("addMember", { group, member: accountOf(their), role: "writer" });
    const value = await our.tell("create", { type: "comap", owner: group });
    await our.tell("set", { value, entries: { by: "ours" } });
    await our.synced();
    const map = await load(their, value);
    await until(() => map.get("by"), "ours");
    map.set("theirs", "in time");
    await untilTold(() => our.view(value), { by: "ours", theirs: "in time" });
    const before = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await our.tell("removeMember", { group, member: accountOf(their) });
    await our.synced();

    their.stampNow = () => before;
    map.set("theirs", "late", "trusting");
    assert.equal(map.get("theirs"), "late", "npm's node takes its own claim");
    await untilTold(async () => (await server.refused()).not_a_writer > 0, true);
    await our.tell("set", { value, entries: { after: 1 } });
    await our.synced();
    const reader = await newClient(server.url, "reader");
    await synced(reader.expectCurrentAccount("test"));
    await our.load(accountOf(reader));
    await our.tell("addMember", { group, member: accountOf(reader), role: "reader" });
    const copy = await load(reader, value);
    await until(() => copy.toJSON(), { by: "ours", theirs: "in time", after: 1 });
    assert.deepEqual(await our.view(value), copy.toJSON());
  } finally {
    await closeAll();
    await peers.close();
    await server.stop();
  }
});
