// Owns the time that work of the processor is measured by: what the main thread has had of a processor, so that it matters
// little what else the machine does. Where the system does not tell, it is the time of day.
import { existsSync, readFileSync } from "node:fs";

const told = `/proc/self/task/${process.pid}/schedstat`;
const isTold = existsSync(told);

/** Seconds since some moment. */
export const workedSeconds = () => (isTold ? Number(readFileSync(told, "utf8").split(" ")[0]) / 1e9 : performance.now() / 1e3);
