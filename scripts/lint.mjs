// Owns `npm run lint`: the sections that read the code and run no test.
import { runSections } from "./runner.mjs";
import { lintNames, sections } from "./sections.mjs";
import { main } from "./step.mjs";

await main(() => runSections(sections.filter(({ name }) => lintNames.includes(name))));
