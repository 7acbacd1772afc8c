// Owns how a WebAssembly module is read and put together, as far as the build changes one itself: its sections, numbers and
// pieces (name, body, section: bytes behind their length).

/** The kinds of sections. */
export const section = { custom: 0, import: 2, export: 7, code: 10 };

const headerBytes = 8; // the magic number and the version

/** Reads numbers and pieces from a module's bytes, one after the other. */
export class Cursor {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  number() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  piece() {
    const length = this.number();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/** The sections of a module: kind, content, and the whole of it. */
export function* sectionsOf(module) {
  const cursor = new Cursor(module, headerBytes);
  while (cursor.at < module.length) {
    const begin = cursor.at;
    const kind = module[cursor.at++];
    const content = cursor.piece();
    yield { kind, content, whole: module.subarray(begin, cursor.at) };
  }
}

/** A number as modules write it. */
export function numberBytes(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

/** The parts as one piece, behind its length. */
export const sized = (...parts) => {
  const content = Buffer.concat(parts);
  return Buffer.concat([numberBytes(content.length), content]);
};

/** A module of these sections. */
export const joined = (sections) => Buffer.concat([Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), ...sections]);
