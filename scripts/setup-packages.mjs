// Owns the way to the operating system's packages (Debian's apt, the one system that is set up without being asked);
// elsewhere the error says what to install by hand.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { attempt, baseEnv, run, StepError } from "./step.mjs";

/** The full path of the first of `names` that is on PATH. */
export function findProgram(...names) {
  const isProgram = (file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  const folders = baseEnv.PATH.split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** Installs Debian packages; `what` names, in the error, what is missing where there is no apt. */
export async function installPackages(what, ...packages) {
  if (!findProgram("apt-get")) throw new StepError(`${what} is missing: please install it (on Debian: ${packages.join(" ")})`);
  const isRoot = process.getuid?.() === 0;
  const apt = (args) => [isRoot ? "apt-get" : "sudo", isRoot ? args : ["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args]];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await attempt(...apt(["update"]), { env, limitSeconds: 300 });
  await run(...apt(["install", "-y", "--no-install-recommends", ...packages]), { env, limitSeconds: 900 });
}
