// The targets of the data layer, each how many times better than npm's cojson.

const least = (name, value, bound) => ({ name, value: Math.round(value * 100) / 100, bound: `>= ${bound}`, holds: value >= bound });

/** How many times as fast (or as small) as npm's, of each. */
const times = ({ ours, npm }, key) => npm[key] / ours[key];

const wanted = [
  // scenario, figure, what, native, wasm
  ["distinct", "seconds", "CoMap set, private, distinct keys", 15, 8],
  ["same", "seconds", "CoMap set, private, one key", 30, 30],
  ["push", "seconds", "CoStream push", 20, 20],
  ["append", "seconds", "CoList append", 20, 20],
  ["transfer", "upload", "upload to the server's ack", 5, 5],
  ["transfer", "download", "download and decrypt", 4, 4],
  ["live", "p50", "live set, A to server to B, p50", 2, 2],
  ["open", "seconds", "open a long value from storage", 5, 5],
  ["memory", "resident", "memory for 43,000 transactions", 3],
  ["memory", "grown", "memory for 43,000 transactions, beside that of a start", undefined, 3],
];

/** `[{name, value, bound, holds}]`; with slack where a run is short. */
export function targetsOf(results, slack = 1) {
  return wanted.flatMap(([scenario, key, what, native, wasm]) => {
    const result = results.find((it) => it.scenario === scenario);
    const targets = [];
    if (native && result?.native) targets.push(least(`${what}, native: times npm's`, times(result.native, key), native / slack));
    if (wasm && result?.wasm) targets.push(least(`${what}, wasm: times npm's`, times(result.wasm, key), wasm / slack));
    return targets;
  });
}
