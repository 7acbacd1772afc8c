// What the browser offers to JavaScript alone: constructed style sheets, graphemes, files in pieces, passkeys that give a
// secret. One file, for each is one more request to whoever loads the module; `dom/patch.js` alone is apart, as it is an
// interpreter. Nothing here knows of actors or values.

// Style sheets: one constructed sheet for each compiled style, shared by every surface that has it.

/** A sheet of that text. Font faces count only in the document's own sheets, so they are adopted there as well. */
export function createSheet(css, fontFaces) {
  const sheet = construct(css);
  if (fontFaces === "") return { sheet, fonts: null };
  const fonts = construct(fontFaces);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, fonts];
  return { sheet, fonts };
}

/** Takes back what the document adopted. */
export function dropSheet({ fonts }) {
  if (fonts === null) return;
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== fonts);
}

export function sheetOf(shared) {
  return shared.sheet;
}

function construct(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

// Texts and bytes.

let segmenter;

/** The graphemes of a text. Where they end does not depend on the language. */
export function graphemes(text) {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), (part) => part.segment);
}

/** How many bytes there are in a `Blob`, an `ArrayBuffer` or a view of one; `NaN` if it is none. */
export function sizeOf(source) {
  if (source instanceof Blob) return source.size;
  return source instanceof ArrayBuffer || ArrayBuffer.isView(source) ? source.byteLength : NaN;
}

/** A piece of it. */
export async function bytesOf(source, from, to) {
  if (source instanceof Blob) return new Uint8Array(await source.slice(from, to).arrayBuffer());
  const { buffer, byteOffset } = source instanceof ArrayBuffer ? { buffer: source, byteOffset: 0 } : source;
  return new Uint8Array(buffer, byteOffset + from, to - from);
}

export function blobOf(bytes, type) {
  return new Blob([bytes], { type });
}

// Passkeys that give a secret: WebAuthn's PRF extension turns a passkey and this label into the same 32 bytes wherever the
// passkey is. They never leave the page, and nothing of them is stored.
const label = new TextEncoder().encode("Pleione account seed 1");
const prf = { eval: { first: label } };
const random = (length) => crypto.getRandomValues(new Uint8Array(length));

const seedOf = (credential) => {
  const seed = credential?.getClientExtensionResults().prf?.results?.first;
  return seed && new Uint8Array(seed);
};

/** Asks for a passkey of this page's site; hands back its 32 bytes, or `undefined` if it cannot give any. */
export async function askPasskey(id) {
  const allowCredentials = id ? [{ type: "public-key", id }] : [];
  const publicKey = { challenge: random(32), allowCredentials, userVerification: "required", extensions: { prf } };
  return seedOf(await navigator.credentials.get({ publicKey }));
}

/** Makes a passkey under this name; hands back its 32 bytes, or `undefined` if it cannot give any. */
export async function makePasskey(name) {
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: random(32),
      rp: { name: document.title || location.hostname },
      user: { id: random(32), name, displayName: name },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      extensions: { prf },
    },
  });
  if (!credential.getClientExtensionResults().prf?.enabled) return undefined;
  // Some authenticators give the bytes only when they are asked again.
  return seedOf(credential) ?? askPasskey(credential.rawId);
}

// Events on their way to actors, and the promises of those who sent them.

/** The longest text of one crossing, as in `bridge.rs`, which tells whoever sends more. */
const textMax = 4 << 20;

/**
 * Events for one crossing: of each the place of its type among the lines, and one more than that of its payload, or 0.
 */
class Packed {
  records = [];
  #lines = [];
  #length = 0;
  #places = new Map();
  #type;
  #place;

  get texts() {
    return this.#lines.join("\n");
  }

  /** Adds an event by its type and its payload's text; whether that makes one, and there is room. */
  add(type, payload) {
    if (typeof type !== "string" || payload === null || this.#length + payload.length > textMax) return false;
    if (type !== this.#type) {
      this.#type = type;
      this.#place = this.#places.get(type) ?? this.#line(JSON.stringify(type)) - 1;
      this.#places.set(type, this.#place);
    }
    this.records.push(this.#place, payload === "" ? 0 : this.#line(payload));
    return true;
  }

  #line(text) {
    this.#length += text.length;
    return this.#lines.push(text);
  }
}

/** A payload's JSON, which has no line breaks, or nothing; `null` if it cannot be written. */
function textOf(payload) {
  if (payload === undefined) return "";
  try {
    return JSON.stringify(payload) ?? "";
  } catch {
    return null;
  }
}

/** Many events for one crossing; `undefined` if something else is among them. */
export function pack(events) {
  if (!Array.isArray(events)) return undefined;
  const packed = new Packed();
  for (const event of events) {
    if (!packed.add(event?.type, textOf(event?.payload))) return undefined;
  }
  return packed;
}

let resolve;
let reject;
const keepSettlers = (resolver, rejecter) => {
  resolve = resolver;
  reject = rejecter;
};

/** Promises of what was sent: first in the order of sending, then by tickets. */
export class Promises {
  #packed = new Packed();
  #waiting = [];
  #taken = [];
  /** What has tickets that follow each other, the first first: `{first, settlers, left}`. */
  #runs = [];

  /** Keeps an event until it is taken; `undefined` if it is none. */
  send(actor, event) {
    const type = event?.type;
    const payload = textOf(event?.payload); // may run a `toJSON`, and that anything else
    if (!this.#packed.add(type, payload)) return undefined;
    this.#packed.records.push(actor);
    const promise = new Promise(keepSettlers);
    this.#waiting.push(resolve, reject);
    return promise;
  }

  take() {
    const packed = this.#packed;
    this.#packed = new Packed();
    this.#taken = this.#waiting;
    this.#waiting = [];
    return packed;
  }

  /** The next of what was taken have these tickets, or the next one has none, but an error. */
  accept(first, count, error) {
    const settlers = this.#taken.splice(0, 2 * count);
    if (error) settlers[1](error);
    else this.#runs.push({ first, settlers, left: count });
  }

  wait(first) {
    const promise = new Promise(keepSettlers);
    this.#runs.push({ first, settlers: [resolve, reject], left: 1 });
    return promise;
  }

  /** Settles what has these tickets: 0, each was handled or not; 1, with an answer; 2, with an error. Whether there is any. */
  settle(first, count, how, value) {
    let isAny = false;
    for (let at = 0; this.#runs[at]?.first < first + count; ) {
      const run = this.#runs[at];
      const { settlers } = run;
      const from = Math.max(0, first - run.first);
      const to = Math.min(settlers.length / 2, first + count - run.first);
      for (let place = 2 * from; place < 2 * to; place += 2) {
        if (how === 2) settlers[place + 1](value);
        else settlers[place](how ? value : { handled: value });
      }
      run.left -= Math.max(0, to - from);
      isAny ||= to > from;
      if (run.left) at += 1;
      else this.#runs.splice(at, 1);
    }
    return isAny;
  }

  /** Fails all that there is, also what has no tickets yet. */
  failAll(error) {
    this.take();
    this.accept(0, this.#taken.length / 2);
    this.settle(0, Infinity, 2, error);
  }
}
