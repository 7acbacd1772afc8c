// Owns what the people of a case do: which of them, to which value, what. An operation is `{does, …}` in the words of
// `tests/peer`; npm's nodes are told the same in theirs.

export const types = ["comap", "colist", "costream", "coplaintext"];
export const roles = ["admin", "manager", "writer", "reader", "writeOnly"];
export const inheritances = ["extend", "extend", "reader", "writer", "revoked"];
const weights = {
  write: 60,
  create: 8,
  createGroup: 3,
  addMember: 10,
  removeMember: 7,
  createInvite: 4,
  acceptInvite: 6,
  revokeInvite: 1,
  extend: 6,
  branch: 4,
  merge: 10,
  delete: 1,
  writeBytes: 1,
};

const isOfAdmins = new Set(["addMember", "removeMember", "createInvite", "extend"]);

/** Some group; mostly one that the node's person administers as far as it knows, else nearly all would be refused. */
async function groupToChange(dice, node, groups) {
  const administered = [];
  for (const group of groups) if (["admin", "manager"].includes(await roleIn(node, group))) administered.push(group);
  return dice.pick(administered.length === 0 || dice.oneIn(4) ? groups : administered);
}

/** The role of a node's person; `null` also where the reference goes round in a circle of groups until its stack is full. */
const roleIn = (node, group) => node.role(group, node.account).catch(() => null);

/** The next operation of somebody, or nothing if there is nothing to do it to. */
export async function nextOperation(dice, node, { people, groups, values, invites }) {
  const does = dice.weigh(weights);
  if (does === "createGroup") return { does };
  if (groups.length === 0) return null;
  const group = isOfAdmins.has(does) ? await groupToChange(dice, node, groups) : dice.pick(groups);
  switch (does) {
    case "create":
      return { does, type: dice.pick(types), owner: group };
    case "addMember":
      if (dice.oneIn(8)) return { does, group, member: "everyone", role: dice.pick(["reader", "writer"]) };
      return { does, group, member: dice.pick(people).account, role: dice.pick(roles) };
    case "removeMember":
      return { does, group, member: dice.oneIn(8) ? "everyone" : dice.pick(people).account };
    case "createInvite":
      return { does, group, role: dice.pick(roles) };
    case "acceptInvite":
    case "revokeInvite":
      return invites.length === 0 ? null : { does, ...dice.pick(invites) };
    case "extend": {
      const parents = groups.filter((parent) => parent !== group);
      return parents.length === 0 ? null : { does, group, parent: dice.pick(parents), role: dice.pick(inheritances) };
    }
    case "branch": {
      const sources = values.filter(({ type, source }) => !source && (type === "comap" || type === "colist"));
      return sources.length === 0 ? null : { does, value: dice.pick(sources).id, name: dice.pick(["draft", "other"]) };
    }
    case "merge": {
      const branches = values.filter(({ source }) => source);
      return branches.length === 0 ? null : { does, branch: dice.pick(branches).id };
    }
    case "delete":
      return values.length === 0 ? null : { does, value: dice.pick(values).id };
    case "writeBytes":
      return { does, owner: group, mimeType: "image/png", bytes: [...dice.bytes(1 + dice.roll(50))] };
    default:
      return values.length === 0 ? null : nextWrite(dice, node, dice.pick(values.filter(({ type }) => type !== "bytes")));
  }
}

const word = (dice) => dice.pick(["a", "b", 1, true, null, { deep: [1, "x"] }, "\u{1f600}", 1.5]);
const letters = (dice) => Array.from({ length: 1 + dice.roll(3) }, () => dice.pick(["a", "é", "👩‍👩‍👧", " "]));

async function nextWrite(dice, node, { id: value, type }) {
  if (type === "comap") {
    const key = dice.pick(["x", "y"]);
    return dice.oneIn(5) ? { does: "unset", value, keys: [key] } : { does: "set", value, entries: { [key]: word(dice) } };
  }
  if (type === "costream") return { does: "push", value, item: word(dice) };
  const length = lengthOf(await node.view(value));
  const item = () => (type === "coplaintext" ? letters(dice)[0] : word(dice));
  const items = type === "coplaintext" ? letters(dice) : Array.from({ length: 1 + dice.roll(3) }, () => word(dice));
  const does = length === 0 ? "append" : dice.weigh({ append: 4, insert: 4, replace: 2, remove: 3 });
  if (does === "append") return { does, value, items };
  const index = dice.roll(length);
  if (does === "insert") return { does, value, index, items };
  return does === "replace" ? { does, value, index, item: item() } : { does, value, index };
}

const segmenter = new Intl.Segmenter("en");
const lengthOf = (shown) => (typeof shown === "string" ? [...segmenter.segment(shown)].length : (shown?.length ?? 0));
