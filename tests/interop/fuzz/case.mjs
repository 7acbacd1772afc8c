// Owns one case: two people on our nodes and two on npm's around a server that is ours or npm's, or around a chain of one of
// each, for a while in bad weather; then the sky clears, and what each of them sees is judged.
import { isDeepStrictEqual } from "node:util";
import { Dice } from "./dice.mjs";
import { contentsOf, hasCircle, hasTie, hasTieOfCopies, isTombstone, judgeOf, withoutErased } from "./judge.mjs";
import { Network } from "./network.mjs";
import { NpmNode } from "./npm-node.mjs";
import { inheritances, nextOperation, roles, types } from "./operations.mjs";
import { OurNode } from "./our-node.mjs";

const startMs = Date.UTC(2026, 10, 27);
const skewMsMax = 20_000;

/** Runs the case of a seed; `peers` is the program of our nodes. Returns counts, and `found`: what must not be. */
export async function runCase(seed, peers) {
  const run = new Case(seed, peers);
  try {
    await run.open();
    await run.live();
    await run.clear();
    await run.judge();
  } catch (error) {
    run.report.found.push({ what: "crash", error: error.stack });
  }
  await run.close();
  return run.report;
}

class Case {
  report;
  #dice;
  #peers;
  #network;
  #people = [];
  #everyone = [];
  #groups = [];
  #values = [];
  #invites = [];
  #now = startMs;
  /** The values whose deletion somebody of npm's has refused. */
  #unsynced = new Set();
  /** What our nodes showed of values in which the judge breaks ties by arrival. */
  #tied = [];

  constructor(seed, peers) {
    this.report = { seed, operations: 0, refused: 0, judged: 0, ties: 0, copies: 0, stale: 0, branches: 0, deletions: 0, circles: 0, found: [], log: [] };
    this.#dice = new Dice(seed);
    this.#peers = peers;
    this.#network = new Network(this.#dice);
  }

  async open() {
    const post = (node, link, frame) => this.#network.post(node, link, frame);
    this.#peers.onSent(post);
    const isOurs = this.#dice.oneIn(2);
    const open = (name, ours, isRelay = false) => {
      const clock = { now: this.#now, skew: isRelay ? 0 : this.#skew() };
      if (ours) return OurNode.open(name, { peers: this.#peers, seed: `${this.report.seed} ${name}`, clock, isRelay });
      return NpmNode.open(name, { dice: new Dice(this.#dice.roll(2 ** 32)), clock, post, isRelay });
    };
    const hub = await open("hub", isOurs, true);
    const branch = this.#dice.oneIn(3) ? await open("branch", !isOurs, true) : hub;
    for (const [index, name] of ["anna", "ben", "cleo", "dan"].entries()) this.#people.push(await open(name, index < 2));
    this.#everyone = [...new Set([hub, branch]), ...this.#people];
    for (const node of this.#everyone) this.#network.add(node);
    for (const [index, person] of this.#people.entries()) this.#network.addLink(person, index % 2 ? branch : hub);
    if (branch !== hub) this.#network.addLink(branch, hub);
    await this.#connectAll();
    await this.#network.rest();
    await this.#loadEverywhere(this.#people.map((person) => person.account));
    await this.#network.rest();
    this.report.server = branch === hub ? hub.kind : `${hub.kind} and ${branch.kind}`;
    await this.#found();
  }

  /** Somebody's group with values of each kind, members with a role each, perhaps an invitation and a group above it. */
  async #found() {
    const founder = this.#dice.pick(this.#people);
    await this.#do(founder, { does: "createGroup" });
    for (const { account: member } of this.#people) {
      if (member !== founder.account) await this.#do(founder, { does: "addMember", group: this.#groups[0], member, role: this.#dice.pick(roles) });
    }
    for (const type of types) await this.#do(founder, { does: "create", type, owner: this.#groups[0] });
    if (this.#dice.oneIn(2)) await this.#do(founder, { does: "createInvite", group: this.#groups[0], role: this.#dice.pick(roles) });
    if (this.#dice.oneIn(2)) {
      await this.#do(founder, { does: "createGroup" });
      await this.#do(founder, { does: "extend", group: this.#groups[0], parent: this.#groups[1], role: this.#dice.pick(inheritances) });
    }
    await this.#network.rest();
    await this.#loadEverywhere(this.#ids());
    await this.#network.rest();
  }

  #skew() {
    return this.#dice.oneIn(3) ? this.#dice.roll(2 * skewMsMax) - skewMsMax : 0;
  }

  async live() {
    for (let rounds = 30 + this.#dice.roll(60); rounds > 0; rounds -= 1) {
      this.#tick();
      const link = this.#dice.pick([...this.#network.links.values()]);
      switch (this.#dice.weigh({ operation: 60, carry: 30, breakLink: 4, heal: 8, restart: 1 })) {
        case "operation":
          await this.#operate();
          break;
        case "carry":
          for (let frames = this.#dice.roll(40); frames > 0 && (await this.#network.step({ isBad: true })); frames -= 1);
          break;
        case "breakLink":
          await this.#network.disconnect(link);
          break;
        case "heal":
          await this.#network.connect(link);
          break;
        default:
          await this.#restart(this.#dice.pick(this.#people.filter((person) => person.kind === "ours")));
      }
    }
  }

  /** Loses its memory and its links, and reads again what it had stored. */
  async #restart(person) {
    for (const link of this.#network.links.values()) if (link.ends.includes(person.name)) await this.#network.disconnect(link);
    await person.tell("restart");
    await person.load([...this.#people.map(({ account }) => account), ...this.#ids()]);
  }

  #tick() {
    this.#now += this.#dice.pick([0, 0, 1, 2, 50, 3_000]);
    for (const { clock } of this.#everyone) {
      if (this.#dice.oneIn(60)) clock.skew = this.#skew();
      clock.now = this.#now + clock.skew;
    }
  }

  async #operate() {
    const node = this.#dice.pick(this.#people);
    if (this.#dice.oneIn(4)) await node.load(this.#ids());
    const operation = await nextOperation(this.#dice, node, { people: this.#people, groups: this.#groups, values: this.#values, invites: this.#invites });
    if (operation) await this.#do(node, operation);
  }

  async #do(node, operation) {
    this.report.operations += 1;
    try {
      const id = await node.perform(operation);
      if (operation.does === "createGroup") this.#groups.push(id);
      if (operation.does === "create") this.#values.push({ id, type: operation.type });
      if (operation.does === "writeBytes") this.#values.push({ id, type: "bytes" });
      if (operation.does === "createInvite") this.#invites.push({ group: operation.group, secret: id });
      if (operation.does === "branch") this.#addBranch(id, operation.value);
      this.report.log.push([node.name, node.clock.now, operation, id].filter((it) => it !== undefined && it !== null));
    } catch (error) {
      this.report.refused += 1;
      this.report.log.push([node.name, node.clock.now, operation, `refused: ${error.message}`]);
    }
  }

  /** Two who begin a branch of that name have begun the same. */
  #addBranch(id, source) {
    const { type } = this.#values.find((value) => value.id === source);
    if (!this.#values.some((value) => value.id === id)) this.#values.push({ id, type, source });
  }

  /** The weather clears: new connections, everybody wants everything, all is carried. */
  async clear() {
    for (const link of this.#network.links.values()) await this.#network.disconnect(link);
    await this.#connectAll();
    await this.#network.rest();
    for (let times = 0; times < 2; times += 1) {
      await this.#loadEverywhere(this.#ids());
      await this.#network.rest();
    }
  }

  async #connectAll() {
    for (const link of this.#network.links.values()) await this.#network.connect(link);
  }

  async #loadEverywhere(ids) {
    for (const person of this.#people) await person.load(ids);
  }

  #ids() {
    return [...this.#groups, ...this.#values.map(({ id }) => id)];
  }

  async judge() {
    for (const person of this.#people) person.clock.now = Number.MAX_SAFE_INTEGER;
    const ids = [...this.#people.map((person) => person.account), ...this.#ids()];
    const contents = await contentsOf(this.#people[0], ids);
    const isCircle = hasCircle(contents);
    for (const id of ids) await this.#compareLogs(id, isCircle);
    if (this.report.found.length > 0) return;
    if (isCircle) return this.#compareCircle();
    for (const person of this.#people) {
      const judge = await judgeOf(person, contents, new Dice(this.report.seed));
      for (const { id, type, source } of this.#values) {
        if (await this.#isHalfDeleted(contents, judge, source ?? id)) continue;
        const about = { type, source, hasTieOfCopies: hasTieOfCopies(judge, id) };
        await this.#compare(contents, person, id, about, await judge.view(id), await person.view(id));
      }
      for (const group of this.#groups) {
        for (const { account, name } of this.#people) {
          await this.#compare(contents, person, group, { roleOf: name }, await judge.role(group, account), await person.role(group, account));
        }
      }
      await judge.close();
    }
    await this.#startAgain();
  }

  /** No npm node can start anew with groups that two people put below each other: our nodes must agree on who is what. */
  async #compareCircle() {
    this.report.circles += 1;
    const [first, ...others] = this.#people.filter((person) => person.kind === "ours");
    for (const group of this.#groups) {
      for (const { account, name } of this.#people) {
        const expected = await first.role(group, account);
        for (const person of others) {
          const seen = await person.role(group, account);
          this.report.judged += 1;
          if (!isDeepStrictEqual(seen, expected)) this.report.found.push({ what: "roles differ", group, name, [first.name]: expected, [person.name]: seen });
        }
      }
    }
  }

  async #compareLogs(id, isCircle) {
    // The reference stops to sync a value, tombstone or not, once it got a deletion by somebody who was no admin at its date
    // as far as it knew the group then; and what it does not pass on others lack too.
    if (this.#everyone.some((node) => node.kind === "npm" && node.refusedDeletion(id))) {
      this.report.deletions += 1;
      this.#unsynced.add(id);
      return;
    }
    const [first, ...others] = this.#people;
    const known = async (person) => {
      const { header, sessions } = await person.known(id);
      return { header, sessions: withoutErased(sessions) };
    };
    const expected = await known(first);
    for (const person of others) {
      const seen = await known(person);
      if (isDeepStrictEqual(seen, expected)) continue;
      // In a circle of groups the reference cannot judge a deletion: it neither takes nor refuses it.
      if (isCircle && [expected, seen].some(({ sessions }) => Object.keys(sessions).some(isTombstone))) this.#unsynced.add(id);
      else this.report.found.push({ what: "logs differ", id, [first.name]: expected, [person.name]: seen });
    }
  }

  /** R10: what our nodes show they show again after a start from their storage. */
  async #startAgain() {
    for (const person of this.#people.filter(({ kind }) => kind === "ours")) {
      const before = new Map();
      for (const id of this.#ids()) before.set(id, await person.view(id));
      await this.#restart(person);
      for (const id of this.#ids()) {
        const [expected, seen] = [before.get(id), await person.view(id)];
        if (!isDeepStrictEqual(seen, expected)) this.report.found.push({ what: "ours shows something else when it starts again", id, who: person.name, expected, seen });
      }
    }
  }

  /** Whether there is a tombstone that does not count: the judge does not read on then. */
  async #isHalfDeleted(contents, judge, id) {
    if (this.#unsynced.has(id)) return true;
    if (!Object.keys(contents.get(id)?.new ?? {}).some(isTombstone) || (await judge.view(id))?.deleted) return false;
    this.report.deletions += 1;
    return true;
  }

  async #compare(contents, person, id, about, expected, seen) {
    this.report.judged += 1;
    if (isDeepStrictEqual(seen, expected)) return;
    // The judge is what the same npm node sees when it starts anew: without a tie the reference disagrees with itself.
    if (person.kind === "npm") this.report[about.source ? "branches" : hasTie(contents, id) ? "ties" : "stale"] += 1;
    else if (about.hasTieOfCopies) this.#noteTieOfCopies(id, person, expected, seen);
    else this.report.found.push({ what: `${person.kind} shows something else`, id, who: person.name, ...about, expected, seen });
  }

  /** The judge breaks such a tie by arrival. Who should see the same by that sees the same of ours. */
  #noteTieOfCopies(id, person, expected, seen) {
    this.report.copies += 1;
    const other = this.#tied.find((tied) => tied.id === id && isDeepStrictEqual(tied.expected, expected));
    if (!other) this.#tied.push({ id, expected, seen });
    else if (!isDeepStrictEqual(seen, other.seen)) this.report.found.push({ what: "ours differ in a tie", id, who: person.name, seen, other: other.seen });
  }

  async close() {
    for (const node of this.#everyone) await node.close();
  }
}
