// Owns the nodes of npm's cojson in a case: their clock and what is random in them are the case's.
import { CoValueCore, LocalNode, LogLevel, cojsonInternals, logger } from "cojson";
import { NapiCrypto } from "cojson/crypto/NapiCrypto";
import { secretSeedFromInviteSecret } from "cojson/dist/coValues/group.js";

const { ConnectedPeerChannel, setCoValueLoadingMaxRetries } = cojsonInternals;
setCoValueLoadingMaxRetries(0);
logger.setLevel(LogLevel.NONE); // what it refuses is thrown or judged

LocalNode.prototype.stampNow = function stampNow() {
  return this.crypto.clock.now;
};

/** Takes note of what is refused for what it says, beside what the reference remembers of each connection. */
const { markErrored } = CoValueCore.prototype;
CoValueCore.prototype.markErrored = function noteErrored(peer, error) {
  this.refusals = (this.refusals ?? new Set()).add(error.type);
  markErrored.call(this, peer, error);
};

/** npm's native crypto with random bytes and a clock of a case. */
async function newCrypto(dice, clock) {
  const crypto = await NapiCrypto.create();
  crypto.clock = clock;
  crypto.randomBytes = (length) => dice.bytes(length);
  crypto.createdNowUnique = () => ({ createdAt: new Date(clock.now).toISOString(), uniqueness: crypto.uniquenessForHeader() });
  return crypto;
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** What a value shows: a stream as an object with an array per session. */
export function shownBy(value) {
  if (value.core.isDeleted) return { deleted: true };
  if (value.core.verified.header.meta?.type === "binary") return shownBytes(value.getBinaryChunks());
  if (value.type === "costream") return Object.fromEntries(Object.entries(value.items).map(([session, items]) => [session, items.map((item) => item.value)]));
  if (value.type === "coplaintext") return value.toString();
  return value.toJSON();
}

const shownBytes = (all) => (all?.finished ? all.chunks.flatMap((chunk) => [...chunk]) : null);

export class NpmNode {
  kind = "npm";
  #peers = new Map();
  #post;

  /** `post(node, link, frame)` takes what it sends. A relay has no account. */
  static async open(name, { dice, clock, post, isRelay = false, secret, session }) {
    const node = new NpmNode();
    const crypto = await newCrypto(dice, clock);
    Object.assign(node, { name, clock, secret: secret ?? crypto.agentSecretFromSecretSeed(dice.bytes(32)) });
    node.#post = post;
    if (isRelay || session) node.node = new LocalNode(node.secret, session ?? crypto.newRandomSessionID(crypto.getAgentID(node.secret)), crypto);
    else {
      const account = LocalNode.internalCreateAccount({ crypto, initialAgentSecret: node.secret });
      [node.node, node.account] = [account.core.node, account.id];
    }
    await settle();
    return node;
  }

  async connect(link, role) {
    const [incoming, outgoing] = [new ConnectedPeerChannel(), new ConnectedPeerChannel()];
    outgoing.onMessage((message) => message !== "Disconnected" && this.#post(this.name, link, JSON.stringify(message)));
    this.#peers.set(link, incoming);
    this.node.syncManager.addPeer({ id: link, role, incoming, outgoing, persistent: role === "server" });
    await settle();
  }

  async disconnect(link) {
    this.#peers.get(link).push("Disconnected");
    this.#peers.delete(link);
    await settle();
  }

  async deliver(link, frame) {
    for (const line of frame.split("\n")) this.#peers.get(link).push(JSON.parse(line));
    await settle();
  }

  #value(id) {
    const core = this.node.getCoValue(id);
    return core.isAvailable() ? core.getCurrentContent() : null;
  }

  #expect(id) {
    const value = this.#value(id);
    if (!value) throw new Error(`${id} is not loaded`);
    return value;
  }

  async load(ids) {
    // Asked for what it says, the reference may go round in a circle of groups.
    for (const id of ids) if (!this.node.getCoValue(id).isAvailable()) void this.node.load(id, true).catch(() => {});
    await settle();
  }

  async view(id) {
    const value = this.#value(id);
    return value && shownBy(value);
  }

  async known(id) {
    const { header, sessions } = this.node.getCoValue(id).knownState();
    return { header, sessions };
  }

  /** Whether it has refused to take a value for deleted, and so what came with that or after it. */
  refusedDeletion(id) {
    return this.node.getCoValue(id).refusals?.has("DeleteTransactionRejected") ?? false;
  }

  async role(group, member) {
    return this.#value(group)?.roleOf(member) ?? null;
  }

  /** Does one operation; see operations.mjs. Throws if npm does. A merge dates its copies by the machine's clock. */
  async perform({ does, ...how }) {
    const { now } = Date;
    Date.now = () => this.clock.now;
    try {
      return await operations[does]((id) => this.#expect(id), how, this.node);
    } finally {
      Date.now = now;
      await settle();
    }
  }

  async close() {
    await this.node.gracefulShutdown();
  }
}

const member = (expect, id) => (id === "everyone" ? id : expect(id));
/** The agent that an invitation is. */
const invited = ({ crypto }, secret) => crypto.getAgentID(crypto.agentSecretFromSecretSeed(secretSeedFromInviteSecret(secret)));
const makers = { comap: "createMap", colist: "createList", costream: "createStream", coplaintext: "createPlainText" };

const operations = {
  createGroup: (_, __, node) => node.createGroup().id,
  addMember: (expect, { group, member: id, role }) => void expect(group).addMember(member(expect, id), role),
  removeMember: (expect, { group, member: id }) => void expect(group).removeMember(member(expect, id)),
  extend(expect, { group, parent, role }) {
    if (role === "revoked") expect(group).revokeExtend(expect(parent));
    else expect(group).extend(expect(parent), role === "extend" ? "inherit" : role);
  },
  createInvite: (expect, { group, role }) => expect(group).createInvite(role),
  acceptInvite(expect, { group, secret }, node) {
    // It would wait for an invitation that it does not know.
    if (!expect(group).get(invited(node, secret))) throw new Error(`${group} knows no such invitation`);
    return node.acceptInvite(group, secret);
  },
  revokeInvite: (expect, { group, secret }, node) => void expect(group).removeMember({ id: invited(node, secret) }),
  create: (expect, { type, owner }) => expect(owner)[makers[type]](...(type === "coplaintext" ? [""] : [])).id,
  set(expect, { value, entries }) {
    for (const [key, it] of Object.entries(entries)) expect(value).set(key, it);
  },
  unset(expect, { value, keys }) {
    for (const key of keys) expect(value).delete(key);
  },
  push: (expect, { value, item }) => void expect(value).push(item),
  append: (expect, { value, items }) => void expect(value).appendItems(items),
  insert(expect, { value, index, items }) {
    const list = expect(value);
    if (index === 0) for (const item of items.toReversed()) list.prepend(item);
    else list.appendItems(items, index - 1);
  },
  replace: (expect, { value, index, item }) => void expect(value).replace(index, item),
  remove: (expect, { value, index }) => void expect(value).delete(index),
  branch: (expect, { value, name }) => expect(value).core.createBranch(name).id,
  merge: (expect, { branch }) => void expect(branch).core.mergeBranch(),
  delete: (expect, { value }) => void expect(value).core.deleteCoValue(),
  writeBytes(expect, { owner, mimeType, bytes }) {
    const stream = expect(owner).createBinaryStream();
    stream.startBinaryStream({ mimeType, totalSizeBytes: bytes.length });
    stream.pushBinaryStreamChunk(Uint8Array.from(bytes));
    stream.endBinaryStream();
    return stream.id;
  },
};
