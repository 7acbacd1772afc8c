// Prints the server's figures beside the reference's.

const line = (name, ...cells) => console.log(name.padEnd(46) + cells.map((cell) => String(cell).padStart(16)).join(""));
const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const s = (ms) => `${(ms / 1000).toFixed(2)} s`;

function printFanIn(name, { ours, npm }) {
  line(`${name}: transactions per second`, Math.round(ours.perSecond), Math.round(npm.perSecond));
  line(`${name}: processor time`, s(ours.cpuMs), s(npm.cpuMs));
  line(`${name}: memory at its peak`, mb(ours.peakBytes), mb(npm.peakBytes));
}

/** Everything but the targets. */
export function printTable({ machine, live, bursty, fanOut, idle }) {
  console.log(`\nNode ${machine.node}, ${machine.processors}; ${live.transactions} transactions over ${live.clients} sockets\n`);
  line("", "ours, durable", "npm, in memory");
  printFanIn("fan-in, live", live);
  printFanIn(`fan-in, bursts of ${bursty.perMessage}`, bursty);
  const latency = ({ p50_ms, p99_ms }) => `${p50_ms.toFixed(1)} / ${p99_ms.toFixed(1)}`;
  line(`fan-out to ${fanOut.readers} readers, p50 / p99, ms`, latency(fanOut.ours), latency(fanOut.npm));
  line(`${idle.connections} idle connections, bytes each`, idle.bytesEach.ours, idle.bytesEach.npm);
}
