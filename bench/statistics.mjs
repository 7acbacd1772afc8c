// Medians and percentiles of repeated runs.

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** `{best, p50, p95, runs}` of times in milliseconds. */
export function summary(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const round = (value) => Math.round(value * 1000) / 1000;
  return { best: round(at(sorted, 0)), p50: round(at(sorted, 0.5)), p95: round(at(sorted, 0.95)), runs: sorted.length };
}

/** The median. */
export const median = (numbers) => at(numbers.toSorted((a, b) => a - b), 0.5);
