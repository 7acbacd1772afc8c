// Owns the names by which a module and its bindings know each other: wasm-bindgen's end in a hash, stand in both files and
// do not pack; here each becomes two or three letters (3 kB of the package by brotli).
import { readFileSync, writeFileSync } from "node:fs";
import { Cursor, joined, numberBytes, section, sectionsOf, sized } from "./wasm-module.mjs";

// What only the bindings call, by names of several words, which are nothing else's; `memory` is for everybody.
const isInternal = (name) => name.includes("_");

/** Goes through the imports or exports of a section: `rename(name)` says what each is called from now on. */
function renamed(kind, content, rename) {
  const cursor = new Cursor(content);
  const count = cursor.number();
  const parts = [numberBytes(count)];
  for (let index = 0; index < count; index += 1) {
    if (kind === section.import) parts.push(sized(cursor.piece())); // the module that it is from
    parts.push(sized(Buffer.from(rename(cursor.piece().toString()))));
    const begin = cursor.at;
    if (content[cursor.at++] !== 0 && kind === section.import) throw new Error("the module imports something other than functions");
    cursor.number();
    parts.push(content.subarray(begin, cursor.at));
  }
  return Buffer.concat([Buffer.from([kind]), sized(...parts)]);
}

/** Shortens the names in the module of that file and in the texts, which are handed back. */
export function shortenNames(file, texts) {
  const short = new Map();
  const rename = (name) => {
    if (!isInternal(name)) return name;
    if (!short.has(name)) short.set(name, `_${short.size.toString(36)}`);
    return short.get(name);
  };
  const named = [section.import, section.export];
  const sections = [...sectionsOf(readFileSync(file))];
  writeFileSync(file, joined(sections.map(({ kind, content, whole }) => (named.includes(kind) ? renamed(kind, content, rename) : whole))));
  return texts.map((text) => text.replace(/\b\w+\b/g, (word) => short.get(word) ?? word));
}
