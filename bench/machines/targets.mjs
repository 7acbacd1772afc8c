// The targets of the machines, each a figure with its bound: what must not be exceeded, or reached where it is a speed.

const atMost = (name, value, most) => ({ name, value: Math.round(value * 100) / 100, most, holds: value <= most });

/** A speed is held as what is still missing to it, 1 and less being none. */
const reached = (name, wanted, value) => atMost(`${name}: wanted / reached`, wanted / value, 1);

/** `[{name, value, most, holds}]`. */
export function targetsOf({ page, alone: { ours } }) {
  return [
    reached("two states in a batch, of 5 M/s or 20x XState", Math.min(5_000_000, 20 * page.xstate), page.batch),
    reached("one by one, of 5x XState", 5 * page.xstate, page.oneByOne),
    reached("four regions in a batch, of 50x XState", 50 * page.xstateParallel, page.parallel),
    reached("durable transitions a second, of 20,000", 20_000, page.durable),
    atMost("an idle actor, bytes", ours.memory, 512),
    atMost("start 10,000 actors, ms", ours.startMs, 20),
    atMost("restore 10,000 actors, ms", ours.restoreMs, 50),
    atMost("a path, ns", ours.path, 50),
    atMost("$if of $and of $ne and $gt of $length, ns", ours.nested, 300),
  ];
}

/** Of these what a few rounds on a busy machine can judge: how many times as fast as XState, at a third of what is seen. */
export function shortTargetsOf({ page, alone: { ours, xstate } }) {
  return [
    reached("two states in a batch, of 6x XState", 6 * page.xstate, page.batch),
    reached("one by one, of 1.7x XState", 1.7 * page.xstate, page.oneByOne),
    reached("four regions in a batch, of 25x XState", 25 * page.xstateParallel, page.parallel),
    atMost("an idle actor, bytes", ours.memory, 512),
    reached("start 10,000 actors, of 4x XState", ours.startMs, xstate.startMs / 4),
    reached("restore 10,000 actors, of 2.2x XState", ours.restoreMs, xstate.restoreMs / 2.2),
  ];
}
