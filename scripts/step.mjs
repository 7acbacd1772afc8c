// Owns how work is run and told: one line per step with its time, a ticking line on a terminal (a line every 15 s
// elsewhere), the output of a command when it fails, all output with --verbose. Never decides what is run.
import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const verbose = process.argv.includes("--verbose");

const isTerminal = Boolean(process.stdout.isTTY) && !verbose;
const tickMs = isTerminal ? 250 : 15_000;
const cargoBin = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");
const ansi = /\x1b\[[0-9;?]*[A-Za-z]/g;
const depthMax = 3;
const strayMsMax = 3000; // what a command leaves running when it ends would keep its output open for ever
const stack = [];

/** The variables that every child gets: cargo's own programs come first on PATH. */
export const baseEnv = { ...process.env, PATH: cargoBin + delimiter + process.env.PATH };

/** A step that failed for a reason that is already in words; `output` is what the command said. */
export class StepError extends Error {
  constructor(message, output = "") {
    super(message);
    this.output = output;
  }
}

export const seconds = (ms) => (ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : clock(Math.round(ms / 1000)));
const clock = (s) => `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
const clearLine = () => isTerminal && process.stdout.write("\r\x1b[2K");

/** Prints a line without tearing the ticking one. */
export function say(line) {
  clearLine();
  console.log(line);
}

function tick(at) {
  if (stack.at(-1) !== at) return; // a step inside it speaks for it
  const text = `  ... ${at.title}  ${seconds(performance.now() - at.start)}  ${at.last}`;
  if (!isTerminal) return console.log(text.slice(0, 160));
  clearLine();
  process.stdout.write(text.slice(0, (process.stdout.columns ?? 80) - 1));
}

/** Runs `work` as one told step; a string that it returns is shown beside the time. */
export async function step(title, work) {
  const at = { title, start: performance.now(), last: "" };
  if (stack.length === depthMax) throw new Error("steps are nested too deeply");
  stack.push(at);
  const timer = setInterval(tick, tickMs, at);
  const tell = (mark, note) => say(`${mark} ${title}  (${seconds(performance.now() - at.start)})${note ? `  ${note}` : ""}`);
  try {
    const note = await work();
    tell("  ok  ", typeof note === "string" ? note : "");
    return note;
  } catch (error) {
    tell(" FAIL ", "");
    throw error;
  } finally {
    clearInterval(timer);
    stack.splice(stack.indexOf(at), 1);
  }
}

/** Runs a command to its end and hands back `{code, output}`; it never throws for a command that fails. */
export function attempt(command, args, { cwd = root, env = {}, limitSeconds = 1800, quiet = false } = {}) {
  return new Promise((resolve) => {
    const output = [];
    const child = spawn(command, args, { cwd, env: { ...baseEnv, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const stop = () => killGroup(child);
    const onLimit = () => {
      output.push(`\n${command} was stopped: it took longer than ${limitSeconds} s\n`);
      stop();
    };
    const timer = setTimeout(onLimit, limitSeconds * 1000);
    const end = (code) => {
      clearTimeout(timer);
      process.off("exit", stop);
      resolve({ code, output: output.join("").replace(ansi, "") });
    };
    const hear = (chunk) => {
      output.push(chunk);
      const last = chunk.replace(ansi, "").trim().split("\n").at(-1);
      if (stack.length > 0 && last) stack.at(-1).last = last.trim();
      if (verbose && !quiet) process.stdout.write(chunk);
    };
    process.on("exit", stop);
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear);
    child.on("error", (error) => { output.push(`${command}: ${error.message}\n`); end(127); });
    child.on("exit", () => setTimeout(stop, strayMsMax).unref());
    child.on("close", (code) => end(code ?? 1));
  });
}

/** Stops a child and all that it started. */
export function killGroup(child, signal = "SIGTERM") {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch { /* it has ended already */ }
}

/** Runs a command that must succeed; hands back what it printed. */
export async function run(command, args, options) {
  const { code, output } = await attempt(command, args, options);
  if (code !== 0) throw new StepError(`\`${[command, ...args].join(" ")}\` ended with code ${code}`, output);
  return output;
}

/** What a command prints, trimmed, or undefined if it is not there or fails. */
export async function ask(command, args, env = {}) {
  const { code, output } = await attempt(command, args, { env, limitSeconds: 60, quiet: true });
  return code === 0 ? output.trim() : undefined;
}

/** Whether the file of this `import.meta.url` is the one that node was asked to run. */
export const isMain = (url) => process.argv[1] !== undefined && url === pathToFileURL(process.argv[1]).href;

/** The outermost call of a command: tells a failure in words and sets the exit code. */
export async function main(work) {
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
  try {
    await work();
  } catch (error) {
    if (!verbose && error.output) console.error(error.output);
    console.error(error instanceof StepError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
