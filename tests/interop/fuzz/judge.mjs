// Owns the verdict: what a person should see. A fresh node of npm's, that gets every value whole with its sessions in the order
// of their names, breaks ties as we do, for the reference breaks them by arrival; so it must agree with our nodes entirely, and
// with npm's own nodes but for ties, and for what those did not take back when something late changed it.
import { isDeepStrictEqual } from "node:util";
import { NpmNode } from "./npm-node.mjs";

/** Whether what stands in a session is a deletion. */
export const isTombstone = (session) => session.endsWith("$");

/** Of a value that was deleted the tombstones count; who had the rest may have erased it or not. */
export function withoutErased(sessions) {
  const tombstones = Object.entries(sessions).filter(([session]) => isTombstone(session));
  return tombstones.length > 0 ? Object.fromEntries(tombstones) : sessions;
}

/** Every value's content, as one message that brings all of it. */
export async function contentsOf(ours, ids) {
  const contents = new Map();
  for (const id of ids) {
    const messages = (await ours.tell("content", { value: id })).map((frame) => JSON.parse(frame));
    if (messages.length === 0) continue;
    const sessions = messages.flatMap((message) => Object.entries(message.new));
    contents.set(id, { ...messages[0], new: withoutErased(Object.fromEntries(sessions)) });
  }
  return contents;
}

/**
 * Of its source a branch shows what was there when it began. The reference takes one transaction too many of each session for
 * that, and all of those sessions that began later: here it is mended.
 */
function mendBranches(core) {
  const read = core.getValidTransactions;
  core.getValidTransactions = function getValidTransactions(options) {
    const to = options?.to && new Proxy(options.to, { get: (counts, session) => (counts[session] ?? 0) - 1 });
    return read.call(this, to ? { ...options, to } : options);
  };
}

/** A fresh npm node of a person. */
export async function judgeOf(person, contents, dice) {
  const session = `${person.account}_session_zJudge`;
  const post = (_, link, frame) => answer(JSON.parse(frame));
  const clock = { now: Number.MAX_SAFE_INTEGER };
  const judge = await NpmNode.open("judge", { dice, clock, secret: person.secret, session, post });
  function answer(message) {
    if (message.action !== "load") return;
    const content = contents.get(message.id) ?? { action: "known", id: message.id, header: false, sessions: {} };
    queueMicrotask(() => void judge.deliver("contents", JSON.stringify(content)));
  }
  const { getCoValue } = judge.node;
  judge.node.getCoValue = function getValue(id) {
    const core = getCoValue.call(this, id);
    if (!Object.hasOwn(core, "getValidTransactions")) mendBranches(core);
    return core;
  };
  await judge.connect("contents", "server");
  await judge.node.load(person.account, true);
  for (const id of contents.keys()) await judge.node.load(id, true);
  return judge;
}

/** Whether two sessions of a value, or of a group above it, made something at the same time. */
export function hasTie(contents, id, seen = new Set()) {
  const content = contents.get(id);
  if (!content || seen.has(id)) return false;
  seen.add(id);
  const times = Object.values(content.new).map((session) => new Set(session.newTransactions.map((transaction) => transaction.madeAt)));
  const met = new Set();
  for (const session of times) {
    for (const time of session) if (met.has(time)) return true;
    for (const time of session) met.add(time);
  }
  return rulersOf(content).some((ruler) => hasTie(contents, ruler, seen));
}

/**
 * Whether a copy that a merge made ties with something else that another session wrote or merged, or what a branch made with what it
 * shows of its source: by the names that they had when they were made the reference finds them equal, and leaves them as they arrived.
 * A second copy of the same is no tie, unless only one of them is misdated and does not count.
 */
export function hasTieOfCopies(judge, id) {
  const core = judge.node.getCoValue(id);
  const made = core.getValidTransactions({ ignorePrivateTransactions: false, includeInvalidMetaTransactions: true }).filter(({ changes }) => changes.length > 0);
  const isOfOtherValue = (one, other) => one.currentTxID.branch !== other.currentTxID.branch;
  const isOfOtherSession = (one, other) => one.currentTxID.sessionID !== other.currentTxID.sessionID;
  const isElsewhere = (one, other) => isOfOtherValue(one, other) || (one.sourceTxID && isOfOtherSession(one, other));
  const isOther = (one, other) => !isDeepStrictEqual(one.txID, other.txID) || one.isValid !== other.isValid;
  const ties = (one, other) => isElsewhere(one, other) && isOther(one, other) && core.compareTransactions(one, other) === 0;
  return made.some((one) => made.some((other) => ties(one, other)));
}

/** Whether groups name each other as parents in a circle, accepted or not: the reference goes round until its stack is full. */
export function hasCircle(contents) {
  const isAbove = (id, seen) => {
    if (seen.includes(id)) return true;
    const content = contents.get(id);
    return content?.header.ruleset.type === "group" && rulersOf(content).some((parent) => isAbove(parent, [...seen, id]));
  };
  return [...contents.keys()].some((id) => isAbove(id, []));
}

function rulersOf({ header, new: sessions }) {
  const owner = header.ruleset.group ? [header.ruleset.group] : [];
  if (header.ruleset.type !== "group") return owner;
  const changes = Object.values(sessions).flatMap((session) => session.newTransactions.flatMap((it) => JSON.parse(it.changes ?? "[]")));
  return changes.flatMap(({ key }) => /^parent_(.*)$/.exec(key)?.[1] ?? []);
}

