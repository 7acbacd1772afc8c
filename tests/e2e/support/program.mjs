// One of our native programs as a child process of a test, with a folder of its own that goes with it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
const readyMsMax = 15_000;

/** The program of that name, or the one that the variable names. */
export const programOf = (name, variable) => process.env[variable] ?? join(root, "target", "release", name);

export class Program {
  #program;
  #child;
  folder;

  constructor(program, folderName) {
    this.#program = program;
    this.folder = mkdtempSync(join(tmpdir(), folderName));
  }

  /** Starts it, for the first time or again; resolves to what it says that matches `ready`. */
  run(settings, ready) {
    this.#child = spawn(this.#program, { env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "pipe"] });
    return new Promise((resolve, reject) => {
      let said = "";
      const fail = (why) => reject(new Error(`${this.#program} ${why}; it said:\n${said}`));
      const timer = setTimeout(fail, readyMsMax, "was not up in time");
      const hear = (text) => {
        said += text;
        const found = ready.exec(said);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[0]);
      };
      this.#child.stdout.setEncoding("utf8").on("data", hear);
      this.#child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
      this.#child.on("error", (error) => fail(`could not be started: ${error.message}`));
      this.#child.on("exit", (code) => fail(`ended with code ${code}`));
    });
  }

  /** Ends it with a signal and waits until it is gone. */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.on("exit", resolve));
    child.kill(signal);
    await gone;
  }

  /** Ends it and removes its folder. */
  async remove() {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
