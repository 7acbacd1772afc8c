// The targets of the server, each a figure with its bound.

const speedLeast = 4; // times the reference's
const shareMost = 1 / 3; // of the reference's processor time and memory
const idleBytesMost = 20_000;
const fanOutMsMost = 150;

// A short run shares its processors with whatever else a test machine does, and is too short for a median.
const shortSlack = 2;

const most = (name, value, bound) => ({ name, value, bound: `<= ${bound}`, holds: value <= bound });
const least = (name, value, bound) => ({ name, value, bound: `>= ${bound}`, holds: value >= bound });

const ratio = ({ ours, npm }, key) => Math.round((ours[key] / npm[key]) * 1000) / 1000;
const round = (value) => Math.round(value * 10) / 10;

/** `[{name, value, bound, holds}]`. */
export function targetsOf({ live, idle, fanOut }, slack = 1) {
  const share = Math.round(shareMost * slack * 1000) / 1000;
  return [
    least("fan-in: transactions per second, times npm's", ratio(live, "perSecond"), speedLeast / slack),
    most("fan-in: processor time, of npm's", ratio(live, "cpuMs"), share),
    most("fan-in: memory at its peak, of npm's", ratio(live, "peakBytes"), share),
    most(`${idle.connections} idle connections: bytes each`, idle.bytesEach.ours, idleBytesMost),
    most(`one writer, ${fanOut.readers} readers: p99, ms`, round(fanOut.ours.p99_ms), fanOutMsMost * slack),
  ];
}

/** The same as far as few repetitions on a busy machine can tell. */
export const shortTargetsOf = (results) => targetsOf(results, shortSlack);
