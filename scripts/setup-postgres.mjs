// Owns the PostgreSQL that tests start for themselves, and the pooler before it: only their programs are wanted, no server
// of the machine's.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram, installPackages } from "./setup-packages.mjs";
import { step, StepError } from "./step.mjs";

const debianFolder = "/usr/lib/postgresql";
const programs = ["initdb", "postgres", "pg_isready", "psql"];
const poolerFolder = "/usr/sbin";

function isThere() {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder) : [];
  const hasAll = (folder) => programs.every((program) => existsSync(join(folder, program)));
  return programs.every((program) => findProgram(program)) || versions.some((version) => hasAll(join(debianFolder, version, "bin")));
}

function hasPooler() {
  return Boolean(findProgram("pgbouncer")) || existsSync(join(poolerFolder, "pgbouncer"));
}

/** Puts the programs in place. */
export const setUpPostgres = () => step("set up: PostgreSQL's and pgbouncer's programs", async () => {
  if (!isThere()) await installPackages("PostgreSQL", "postgresql");
  if (!hasPooler()) await installPackages("pgbouncer", "pgbouncer");
  if (!hasPooler()) throw new StepError("pgbouncer is installed, but is neither on PATH nor where Debian keeps it");
  if (!isThere()) throw new StepError("PostgreSQL is installed, but its programs are neither on PATH nor where Debian keeps them");
});
