// Owns where our nodes and npm's clients meet: a server, npm's or ours, the nodes and clients connected to it, and the groups
// that they share.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { accountOf, closeAll, load, newClient, synced } from "./client.mjs";
import { NpmServer } from "./npm-server.mjs";
import { Peers } from "./peer.mjs";
import { Server } from "./server.mjs";

const servers = {
  "npm's server": () => NpmServer.start(),
  "our server": () => Server.start({ SYNC_MAIA_WRITE: "members" }),
};


/** Runs a suite in a town around each server. */
export function throughEach(suite) {
  for (const [what, start] of Object.entries(servers)) describe(`through ${what}`, () => suite(new Town(start)));
}

class Town {
  #peers;

  constructor(start) {
    before(async () => {
      this.server = await start();
      this.#peers = new Peers();
    });
    after(async () => {
      await closeAll();
      await this.#peers.close();
      assert.deepEqual(await this.server.refused(), {}, "a genuine peer's message was refused");
      await this.server.stop();
    });
  }

  /** Ours, connected and known to the server. */
  async ours(name) {
    const node = await this.#peers.open(name);
    await node.connect(this.server.url);
    await node.synced();
    return node;
  }

  /** Ours and theirs, who know each other's accounts. */
  async pair(name) {
    const [our, their] = [await this.ours(`${name} (ours)`), await newClient(this.server.url, `${name} (theirs)`)];
    await synced(their.expectCurrentAccount("test"));
    await our.load(accountOf(their));
    return { our, their, ourAccount: await load(their, our.account) };
  }

  /** A group that ours made, with theirs as a member, or the other way round. */
  async sharedGroup({ our, their, ourAccount }, byOurs, role) {
    if (byOurs) {
      const group = await our.tell("createGroup");
      await our.tell("addMember", { group, member: accountOf(their), role });
      return group;
    }
    const group = their.createGroup();
    group.addMember(ourAccount, role);
    await synced(group);
    await our.load(group.id);
    return group.id;
  }

  /** A group without the other. */
  async groupAlone({ our, their }, byOurs) {
    if (byOurs) return our.tell("createGroup");
    const group = their.createGroup();
    await synced(group);
    return group.id;
  }
}

/** The items of a stream by session, of an npm node as ours shows them. */
export const itemsOf = (stream) => Object.fromEntries(Object.entries(stream.items).map(([session, items]) => [session, items.map((item) => item.value)]));

/** Asks until the answer is as expected. */
export async function untilTold(ask, expected, limitMs = 10_000) {
  for (const end = Date.now() + limitMs; ; ) {
    const told = await ask();
    if (isDeepStrictEqual(told, expected)) return;
    if (Date.now() > end) assert.deepEqual(told, expected);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until our node shows this of a value. */
export const untilOurs = (node, value, expected, limitMs) => untilTold(() => node.view(value), expected, limitMs);

/** Waits until our node and npm's have the same transactions of a value. */
export async function untilSame(node, map) {
  const sessions = () => map.core.knownState().sessions;
  await untilTold(async () => isDeepStrictEqual((await node.tell("known", { value: map.id })).sessions, sessions()), true);
}
