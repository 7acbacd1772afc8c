// What the browser knows of texts and bytes: where a grapheme ends, how to read a file in pieces.

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
