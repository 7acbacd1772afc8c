// Prints results as a table for people.

const line = (name, ...cells) => console.log(name.padEnd(42) + cells.map((cell) => String(cell).padStart(14)).join(""));
const head = (...cells) => {
  console.log("");
  line(...cells);
};
const ms = ({ p50, p95 }) => `${p50.toFixed(2)} / ${p95.toFixed(2)}`;
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

function printClicks(clicks) {
  const counts = Object.keys(clicks);
  head("click, ms p50 / p95", ...counts.map((count) => `${count} rows`));
  for (const kind of ["create", "toggle"]) {
    const row = (name, read) => line(`${kind}: ${name}`, ...counts.map((count) => read(clicks[count][kind])));
    row("to the DOM", ({ dom }) => ms(dom));
    row("to the frame after it", ({ frame }) => ms(frame));
    row("script, no wait for a frame", ({ script }) => ms(script));
    if (kind === "toggle") row("script, each of many in a row, best", ({ steady }) => steady.best.toFixed(2));
    row("transactions, writes, renders", ({ transactions, storageWrites, renders }) => `${transactions}, ${storageWrites}, ${renders}`);
  }
}

/** Everything but the targets. */
export function printTable({ machine, clicks, opening, engine, size }) {
  console.log(`${machine.browser}, ${machine.processors}`);
  printClicks(clicks);
  head("without clicks");
  line(`open with ${opening.rows} rows, ms p50 / p95`, ms(opening));
  line("transitions per second, sent together", engine.transitions_per_s);
  line("transitions per second, one by one", engine.transitions_one_by_one_per_s);
  line("expression, per mapped item, µs", engine.expression_us);
  line("style: compiled, ms", engine.style_compile_ms);
  line("style: cached, ms", engine.style_cached_ms);
  head("package", "raw", "gzip", "brotli");
  for (const [kind, { raw, gzip, brotli }] of Object.entries(size)) line(kind, kb(raw), kb(gzip), kb(brotli));
}

/** The targets; hands back how many hold. */
export function printTargets(targets) {
  head("target", "measured", "bound");
  for (const { name, value, most, bound = most, holds } of targets) line(`${holds ? "ok  " : "FAIL"} ${name}`, value, bound);
  const failed = targets.filter(({ holds }) => !holds).length;
  console.log("");
  return { passed: targets.length - failed, failed };
}
