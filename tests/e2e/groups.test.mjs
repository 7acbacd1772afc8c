// Groups between real browsers and the real server, which lets in what members may write: invitations as links, roles,
// removal, groups below groups, profiles, and accounts that a passkey stands for.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { newDevice, openBlank, openBrowser, openPage } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

process.env.SYNC_MAIA_WRITE = "members";

/** A person in a browser of its own, with a runtime that is open as `runtime`. */
async function person(t, server, name) {
  const page = await openBlank(await newDevice(t, browser), server.url);
  page.account = await page.evaluate(async (name) => {
    globalThis.runtime = await Runtime.open({ name, sync: syncAddress });
    await runtime.synced();
    return runtime.accountId;
  }, name);
  return page;
}

const people = (t, server, ...names) => Promise.all(names.map((name) => person(t, server, name)));

/** Waits until a value is shown so on a page. */
const shows = (page, id, expected) =>
  page.evaluate(
    async ([id, expected]) => {
      const isSame = (value) => JSON.stringify(value, Object.keys(value).sort()) === JSON.stringify(expected, Object.keys(expected).sort());
      await until(await runtime.load(id), isSame);
    },
    [id, expected],
  );

test("two browsers and an invite link: both see the same, live", async (t) => {
  const server = await startServer(t, pages.blank);
  const [alice, bob] = await people(t, server, "alice", "bob");
  const { id, link } = await alice.evaluate(async () => {
    globalThis.group = runtime.createGroup();
    globalThis.map = runtime.createMap({ title: "milk" }, group);
    const invitation = await group.createInvite("writer");
    await runtime.synced();
    return { id: map.id, link: `${location.origin}/#/join/${invitation}` };
  });
  const joined = await bob.evaluate(async (link) => {
    globalThis.group = await runtime.acceptInvite(link);
    return { role: group.myRole, members: Object.values(group.members).sort(), invites: Object.values(group.invites) };
  }, link);
  assert.deepEqual(joined, { role: "writer", members: ["admin", "writer"], invites: ["writer"] });
  await shows(bob, id, { title: "milk" });
  await bob.evaluate(async (id) => (await runtime.loadMap(id)).set("done", true), id);
  await shows(alice, id, { title: "milk", done: true });
  await alice.evaluate(() => map.set("title", "oat milk"));
  await shows(bob, id, { title: "oat milk", done: true });
  assert.equal(await alice.evaluate((account) => group.roleOf(account), bob.account), "writer");
});

test("of a list and a text that restrict deletion a writer deletes nothing, and an admin does", async (t) => {
  const server = await startServer(t, pages.blank);
  const [alice, bob] = await people(t, server, "alice", "bob");
  const [listId, noteId, invitation] = await alice.evaluate(async () => {
    globalThis.group = runtime.createGroup();
    globalThis.list = runtime.createList(["opened"], group, { restrictDeletion: true });
    globalThis.note = runtime.createPlainText("signed", group, { restrictDeletion: true });
    const invitation = await group.createInvite("writer");
    await runtime.synced();
    return [list.id, note.id, invitation];
  });
  const told = await bob.evaluate(
    async ([listId, noteId, invitation]) => {
      await runtime.acceptInvite(invitation);
      const [list, note] = [await runtime.loadList(listId), await runtime.loadPlainText(noteId)];
      const refused = await outcome((async () => list.delete(0))());
      const cut = await outcome((async () => note.delete(0))());
      list.append("closed");
      await runtime.synced();
      return { refused: refused.code, cut: cut.code, list: list.toJSON(), note: note.toString() };
    },
    [listId, noteId, invitation],
  );
  const code = "PLEIONE_E_NOT_ALLOWED";
  assert.deepEqual(told, { refused: code, cut: code, list: ["opened", "closed"], note: "signed" });
  const left = await alice.evaluate(async (id) => {
    await until(await runtime.load(id), (items) => items.length === 2);
    list.delete(0);
    return list.toJSON();
  }, listId);
  assert.deepEqual(left, ["closed"]);
});

test("each kind of invitation gives its role, and one that was taken back opens nothing", async (t) => {
  const server = await startServer(t, pages.blank);
  const [alice, bob] = await people(t, server, "alice", "bob");
  for (const role of ["admin", "manager", "writer", "reader", "writeOnly"]) {
    const [id, invitation, other] = await alice.evaluate(async (role) => {
      globalThis.group = runtime.createGroup();
      const map = runtime.createMap({ from: "alice" }, group);
      const invitations = [await group.createInvite(role), await group.createInvite(role)];
      await runtime.synced();
      return [map.id, ...invitations];
    }, role);
    const outcome = await bob.evaluate(
      async ([id, invitation, role]) => {
        const group = await runtime.acceptInvite(invitation);
        const map = await runtime.loadMap(id);
        const written = await outcome((async () => map.set("by", "bob"))());
        await runtime.synced();
        return { role: group.myRole, seen: map.get("from"), written: written.code };
      },
      [id, invitation, role],
    );
    const expected = { role, seen: role === "writeOnly" ? undefined : "alice", written: role === "reader" ? "PLEIONE_E_NOT_ALLOWED" : undefined };
    assert.deepEqual(outcome, expected);
    await shows(alice, id, role === "reader" ? { from: "alice" } : { from: "alice", by: "bob" });
    const invites = await alice.evaluate(async (other) => {
      await group.revokeInvite(other);
      await runtime.synced();
      return Object.values(group.invites).length;
    }, other);
    assert.equal(invites, 1);
    const refused = await bob.evaluate(
      async ([id, other]) => {
        const group = await runtime.loadGroup(id);
        while (Object.keys(group.invites).length > 1) await new Promise((resolve) => setTimeout(resolve, 10));
        return outcome(runtime.acceptInvite(other));
      },
      [other.split("/")[0], other],
    );
    assert.equal(refused.code, "PLEIONE_E_NOT_INVITED", role);
  }
  const wrong = await bob.evaluate(() => outcome(runtime.acceptInvite("https://example.org/#nothing")));
  assert.equal(wrong.code, "PLEIONE_E_INVITATION");
});

test("a group that extends another has its members, until one is removed there", async (t) => {
  const server = await startServer(t, pages.blank);
  const [alice, bob] = await people(t, server, "alice", "bob");
  const { id, groupId, parents } = await alice.evaluate(async (bob) => {
    globalThis.team = runtime.createGroup();
    globalThis.project = runtime.createGroup();
    await team.addMember(bob, "writer");
    await project.extend(team, "reader");
    globalThis.map = runtime.createMap({ plan: 1 }, project);
    await runtime.synced();
    return { id: map.id, groupId: project.id, parents: Object.values(project.parents) };
  }, bob.account);
  assert.deepEqual(parents, ["reader"]);
  await shows(bob, id, { plan: 1 });
  const roles = await alice.evaluate(async (bob) => {
    const roles = [project.roleOf(bob), project.members[bob]];
    await project.extend(team);
    return [...roles, project.roleOf(bob)];
  }, bob.account);
  assert.deepEqual(roles, ["reader", undefined, "writer"]);
  const circle = await alice.evaluate(() => outcome(team.extend(project)));
  assert.equal(circle.code, "PLEIONE_E_CIRCLE");
  await alice.evaluate(async (bob) => {
    await team.removeMember(bob);
    map.set("plan", 2);
    await runtime.synced();
  }, bob.account);
  const left = await bob.evaluate(
    async ([id, groupId]) => {
      const group = await runtime.loadGroup(groupId);
      while (group.myRole !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
      await runtime.synced();
      return (await runtime.load(id)).value;
    },
    [id, groupId],
  );
  assert.deepEqual(left, { plan: 1 });
});

test("a profile is read by everyone, the root by its account alone, and both are one on all its devices", async (t) => {
  const server = await startServer(t, pages.blank);
  const [alice, bob] = await people(t, server, "alice", "bob");
  assert.equal(await alice.evaluate(async () => (await runtime.profile()) === undefined), true);
  const root = await alice.evaluate(async () => {
    await runtime.setProfile({ name: "Alice" });
    await runtime.setProfile({ colour: "green" });
    const root = await runtime.root();
    root.set("theme", "dark");
    await runtime.synced();
    return root.id;
  });
  const told = await bob.evaluate(
    async ([account, root]) => [(await runtime.profile(account)).value, (await runtime.load(root)).value],
    [alice.account, root],
  );
  assert.deepEqual(told, [{ name: "Alice", colour: "green" }, {}]);
  const secret = await alice.evaluate(() => runtime.secret);
  const second = await openBlank(await newDevice(t, browser), server.url);
  const same = await second.evaluate(async (secret) => {
    globalThis.runtime = await Runtime.open({ name: "alice", secret, sync: syncAddress });
    await runtime.synced();
    const root = await runtime.root();
    await until(await runtime.load(root.id), (value) => value.theme === "dark");
    return root.id;
  }, secret);
  assert.equal(same, root);
});

/** Adds an authenticator to a page, as a phone or a key would be one. */
async function addAuthenticator(page, hasPrf) {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, hasPrf };
  await session.send("WebAuthn.addVirtualAuthenticator", { options: { ...options, isUserVerified: true, automaticPresenceSimulation: true } });
}

test("a passkey is an account: the same each time, and its secret is kept nowhere", async (t) => {
  const server = await startServer(t, pages.blank);
  const device = await newDevice(t, browser);
  const page = await openPage(device, server.url, (page) => addAuthenticator(page, true));
  await page.waitForFunction(() => globalThis.isReady);
  const open = (passkey) =>
    page.evaluate(async (passkey) => {
      const runtime = await Runtime.open({ name: "passkey", sync: syncAddress, passkey });
      const { accountId, secret } = runtime;
      const map = await runtime.root();
      const seen = map.toJSON();
      map.set("n", (seen.n ?? 0) + 1);
      await runtime.synced();
      await runtime.close();
      return { accountId, secret, seen };
    }, passkey);
  const made = await open({ create: "Alice" });
  const again = await open(true);
  assert.deepEqual([again.accountId, again.secret, again.seen], [made.accountId, made.secret, { n: 1 }]);
  // Nothing on the disk opens the account.
  const kept = await page.evaluate(async (secret) => {
    const names = (await indexedDB.databases()).map(({ name }) => name);
    const texts = [];
    for (const name of names) {
      const database = await new Promise((resolve) => (indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result)));
      for (const store of database.objectStoreNames) {
        const request = database.transaction(store).objectStore(store).getAll();
        texts.push(JSON.stringify(await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))));
      }
      database.close();
    }
    const found = texts.join();
    return { stores: texts.length, isKept: secret.split("/").some((half) => found.includes(half)), isKeptAtAll: found.includes("Secret_z") };
  }, made.secret);
  assert.ok(kept.stores > 0);
  assert.deepEqual([kept.isKept, kept.isKeptAtAll], [false, false]);
  const other = await open({ create: "Bob" });
  assert.notEqual(other.accountId, made.accountId);
});

test("r12_a_passkey_that_gives_no_secret_or_is_refused_is_told", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openPage(await newDevice(t, browser), server.url, (page) => addAuthenticator(page, false));
  await page.waitForFunction(() => globalThis.isReady);
  const open = (passkey, more) =>
    page.evaluate(([passkey, more]) => outcome(Runtime.open({ name: "passkey", passkey, ...more })), [passkey, more]);
  assert.equal((await open({ create: "Alice" })).code, "PLEIONE_E_PASSKEY_NO_PRF");
  for (const wrong of ["yes", {}, { create: "" }, { create: 7 }]) assert.equal((await open(wrong)).code, "PLEIONE_E_OPTION", JSON.stringify(wrong));
  assert.equal((await open(true, { secret: "sealerSecret_z1/signerSecret_z2" })).code, "PLEIONE_E_OPTION");
  const none = await openBlank(await newDevice(t, browser), server.url);
  const refused = await none.evaluate(() => {
    navigator.credentials.get = () => Promise.reject(new DOMException("refused", "NotAllowedError"));
    return outcome(Runtime.open({ name: "passkey", passkey: true }));
  });
  assert.equal(refused.code, "PLEIONE_E_PASSKEY");
});
