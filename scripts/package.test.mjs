// What the image is built from is what the workspace is made of: cargo reads the manifest of every member.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { root } from "./step.mjs";

test("every member of the workspace is let into the image's build", () => {
  const manifest = readFileSync(join(root, "Cargo.toml"), "utf8");
  const members = [...manifest.match(/^members = \[(.*)\]$/m)[1].matchAll(/"([^"*]+?)(?:\/\*)?"/g)].map(([, member]) => member);
  assert.ok(members.length > 0);
  const ignored = readFileSync(join(root, "packaging", "Dockerfile.dockerignore"), "utf8").split("\n");
  for (const member of members) assert.ok(ignored.includes(`!${member}`), member);
  for (const file of ["Cargo.toml", "Cargo.lock", "src"]) assert.ok(ignored.includes(`!${file}`), file);
});
