// The targets of the data layer, each how many times better than npm's cojson. A short run has few transactions, where npm's
// cost for each grows with those before it: it is held to half or a third of what it reached when these were written down.

const least = (name, value, bound) => ({ name, value: Math.round(value * 100) / 100, bound: `>= ${bound}`, holds: value >= bound });

/** How many times as fast (or as small) as npm's, of each. */
const times = ({ ours, npm }, key) => npm[key] / ours[key];

const wanted = [
  // scenario, figure, what, [native, wasm], the same in a short run
  ["distinct", "seconds", "CoMap set, private, distinct keys", [15, 8], [8, 4]],
  ["same", "seconds", "CoMap set, private, one key", [30, 30], [19, 6]],
  ["push", "seconds", "CoStream push", [20, 20], [13, 7]],
  ["append", "seconds", "CoList append", [20, 20], [10, 7]],
  ["transfer", "upload", "upload to the server's ack", [5, 5], [1.5, 1]],
  ["transfer", "download", "download and decrypt", [4, 4], [1.2, 1]],
  ["live", "p50", "live set, A to server to B, p50", [2, 2], [1.2, 0.8]],
  ["open", "seconds", "open a long value from storage", [5, 5]],
  ["memory", "resident", "memory for 43,000 transactions", [3]],
  ["memory", "grown", "memory for 43,000 transactions, beside that of a start", [undefined, 3]],
];

/** `[{name, value, bound, holds}]` of what was measured; a short run has bounds of its own. */
export function targetsOf(results, isShort) {
  return wanted.flatMap(([scenario, key, what, whole, short]) => {
    const result = results.find((it) => it.scenario === scenario);
    const [native, wasm] = isShort ? short ?? [] : whole;
    const targets = [];
    if (native && result?.native) targets.push(least(`${what}, native: times npm's`, times(result.native, key), native));
    if (wasm && result?.wasm) targets.push(least(`${what}, wasm: times npm's`, times(result.wasm, key), wasm));
    return targets;
  });
}
