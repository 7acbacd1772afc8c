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
 * Events for one crossing: of each the place of its type among the lines, one more than that of its payload, or 0, its actor's
 * number, and how many times it comes in a row.
 */
class Packed {
  records = [];
  #lines = [];
  #length = 0;
  #places = new Map();
  #type;
  #actor;
  #place;
  #isBare;

  get texts() {
    return this.#lines.join("\n");
  }

  /** Adds an event by its type and its payload's text; whether that makes one, and there is room. */
  add(type, payload, actor) {
    const isBare = payload === "";
    if (isBare && this.#isBare && type === this.#type && actor === this.#actor) {
      this.records[this.records.length - 1] += 1;
      return true;
    }
    if (typeof type !== "string" || payload === null || this.#length + payload.length > textMax) return false;
    if (type !== this.#type) {
      this.#type = type;
      this.#place = this.#places.get(type) ?? this.#line(JSON.stringify(type)) - 1;
      this.#places.set(type, this.#place);
    }
    this.#actor = actor;
    this.#isBare = isBare;
    this.records.push(this.#place, isBare ? 0 : this.#line(payload), actor, 1);
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
    if (!packed.add(event?.type, textOf(event?.payload), 0)) return undefined;
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
    if (!this.#packed.add(type, payload, actor)) return undefined;
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

// IndexedDB. A transaction's requests are all made in one go, or in the answer to one of its own: one that waits for anything
// else is committed by the browser half-done. Every function is asynchronous, so that what the browser throws is told alike.

const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Settles when a transaction is durable or has been given up. */
const ended = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
  });

// An array sorts after every text and number, so nothing that begins so is beyond.
const beginningWith = (parts) => IDBKeyRange.bound(parts, [...parts, []]);

/** Opens a database, and makes these stores in a new one: `[database, isNew]`, or nothing if it takes too long. */
export async function openDatabase(name, version, stores, msMax) {
  if (!globalThis.indexedDB) throw new Error("there is no IndexedDB");
  const request = indexedDB.open(name, version);
  let isNew = false;
  request.onupgradeneeded = () => {
    isNew = true;
    for (const store of stores) request.result.createObjectStore(store);
  };
  const late = Symbol("late");
  const opened = answered(request);
  const first = await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, msMax, late))]);
  if (first !== late) return [first, isNew];
  opened.then((database) => database.close()).catch(() => {}); // nobody waits for it any more
  return undefined;
}

/** Does work in a transaction that writes, and gives it up if that throws. Resolves when all is durable, with what it gave. */
async function writing(database, stores, isStrict, work) {
  const transaction = database.transaction(stores, "readwrite", { durability: isStrict ? "strict" : "relaxed" });
  const end = ended(transaction);
  end.catch(() => {}); // who awaits it hears
  let given;
  try {
    given = await work(transaction);
  } catch (error) {
    transaction.abort();
    throw error;
  }
  transaction.commit?.();
  await end;
  return given;
}

function put(transaction, changes) {
  for (const [store, key, record] of changes) {
    const records = transaction.objectStore(store);
    if (record === undefined) records.delete(key);
    else records.put(record, key);
  }
}

function erase(transaction, erased, isKept) {
  const take = async ([store, id]) => {
    const records = transaction.objectStore(store);
    const keys = await answered(records.getAllKeys(beginningWith([id])));
    for (const key of keys) if (!isKept(key[1])) records.delete(key);
  };
  return Promise.all(erased.map(take));
}

/**
 * Makes all changes or none, each `[store, key, record]`; without a record the key is deleted. Before that goes what is erased,
 * each `[store, id]`: all under keys that begin with the id, but for those whose second part `isKept`.
 */
export async function writeRecords(database, stores, isStrict, erased, isKept, changes) {
  return writing(database, stores, isStrict, async (transaction) => {
    if (erased.length > 0) await erase(transaction, erased, isKept);
    put(transaction, changes);
  });
}

/** What is kept under a key: `fresh` from now on, if it was nothing. Transactions that write never overlap, so all tabs agree. */
export async function recordOrPut(database, store, key, fresh) {
  return writing(database, store, true, async (transaction) => {
    const record = await answered(transaction.objectStore(store).get(key));
    if (record === undefined) put(transaction, [[store, key, fresh]]);
    return record ?? fresh;
  });
}

/** Replaces what is under keys that begin with these parts by what `replace(records)` hands back as changes, if anything. */
export async function replaceRecords(database, store, parts, most, replace) {
  return writing(database, store, true, async (transaction) => {
    const [records, range] = [transaction.objectStore(store), beginningWith(parts)];
    const changes = replace(await answered(records.getAll(range, most)));
    if (changes === undefined) return;
    records.delete(range);
    put(transaction, changes);
  });
}

export async function readRecord(database, store, key) {
  return answered(database.transaction(store).objectStore(store).get(key));
}

/** The keys that begin with a text. */
export async function readKeys(database, store, prefix, most) {
  return answered(database.transaction(store).objectStore(store).getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`), most));
}

const keyedRecords = (records, range, most) => Promise.all([answered(records.getAllKeys(range, most)), answered(records.getAll(range, most))]);

/** `[keys, records]` of those whose key begins with these parts. */
export async function readRecords(database, store, parts, most) {
  return keyedRecords(database.transaction(store).objectStore(store), beginningWith(parts), most);
}

// A request costs the browser more than the record that it is for. So a task that wants a good part of all values, as one
// that opens a collection does, reads the stores from end to end with a handful of requests.
const sweepValuesMin = 16;
const sweepReadPerWantedMax = 4;
const sweepRecordsAtOnce = 1024; // in memory twice at once

/** For each id its record in the first store, or nothing, and those in the second whose key begins with it, of one moment. */
export async function readValues(database, stores, ids, most) {
  const transaction = database.transaction(stores);
  const [headers, segments] = stores.map((store) => transaction.objectStore(store));
  if (ids.length >= sweepValuesMin) {
    const readMax = ids.length * sweepReadPerWantedMax;
    const [keys, records] = await keyedRecords(headers, null, readMax + 1);
    if (keys.length <= readMax) return sweep(segments, ids, new Map(keys.map((key, index) => [key, records[index]])));
  }
  const reads = ids.map((id) => Promise.all([answered(headers.get(id)), answered(segments.getAll(beginningWith([id]), most))]));
  return Promise.all(reads);
}

async function sweep(segments, ids, headers) {
  const pieces = new Map(ids.map((id) => [id, []]));
  for (let range = null; range !== undefined; ) {
    const [keys, records] = await keyedRecords(segments, range, sweepRecordsAtOnce);
    keys.forEach(([id], index) => pieces.get(id)?.push(records[index]));
    range = keys.length < sweepRecordsAtOnce ? undefined : IDBKeyRange.lowerBound(keys.at(-1), true);
  }
  return ids.map((id) => [headers.get(id), pieces.get(id)]);
}
