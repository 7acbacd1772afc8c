// Writes docs/scxml.md anew.
import { writeFileSync } from "node:fs";
import { pageOf } from "./page.mjs";
import { pageFile, runSuite } from "./runner.mjs";
import { readSuite } from "./suite.mjs";

writeFileSync(pageFile, pageOf(await runSuite(readSuite())));
