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
