//! The types that TypeScript sees beside the classes. Kept as text because they say more than the classes' signatures can:
//! what a store holds, what an option may be, which errors there are.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What JSON can say. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };
/** The text of a value's id: `co_z…`. */
export type CoId = string;

/** A value that changes: the contract of a Svelte store, and what React's `useSyncExternalStore` needs. */
export interface ReactiveStore<T> {
  /** The value now. The same object until it changes; do not write to it. */
  readonly value: T;
  /** Calls `fn` with the value now (unless `skipInitial`) and after every change; returns what ends it. */
  subscribe(fn: (value: T) => void, options?: { skipInitial?: boolean }): () => void;
}

export interface RuntimeOptions {
  /** The database's name. Default: "pleione". */
  name?: string;
  /** Where values are kept. "memory" ends with the runtime. Default: "indexeddb". */
  storage?: "indexeddb" | "memory";
  /**
   * The sync server's address; absent: local only. A function is asked before each connection, so that a token in the
   * address can be a fresh one; what it fails with is a problem (`PLEIONE_E_SYNC_ADDRESS`), and it is asked again.
   */
  sync?: string | (() => string | Promise<string>);
  /** An agent secret, `sealerSecret_z…/signerSecret_z…`; absent: the one kept under `name`, made the first time. */
  secret?: string;
  /**
   * A passkey that stands for the account, instead of a secret: `true` asks for one that the person has, `{ create }`
   * makes one under that name. What it gives is kept nowhere, so it is asked for each time. Call it on a click.
   */
  passkey?: boolean | { create: string };
}

export interface SyncStatus {
  state: "offline" | "connecting" | "syncing" | "synced";
  /** Transactions that are durable here and that the server has not confirmed. */
  pending: number;
}

/** Something that went wrong and has no caller to be told. */
export interface Problem {
  /** The actor or value it is about. */
  place?: string;
  code: string;
  message: string;
}

/** Counters since the runtime was opened. */
export interface RuntimeStats {
  /** Transactions made here that became durable. */
  transactions: number;
  /** Database transactions that wrote. */
  storageWrites: number;
  /** Records put by them. */
  storagePuts: number;
  /** Database transactions that read values. */
  storageReads: number;
  /** Patches of one actor that changed its screen. */
  renders: number;
  /** Events handled, from whatever source. */
  messages: number;
  /** What was refused, by reason. */
  rejections: Record<string, number>;
}

/** An edit that counts. */
export interface Edit {
  /** The account that made it, or an agent. */
  by: string;
  /** When, by its author's clock, in milliseconds. */
  madeAt: number;
  /** Where it was written: the session, and its place there. */
  session: string;
  index: number;
  /** The branch that it was made in, if it was in one. */
  branch?: CoId;
  /** What it changed, in the words of the format: `{op: "set", key, value}`, `{op: "app", value, after}`, an item. */
  changes: JsonValue[];
}

/** One write to a key of a map. */
export interface KeyEdit extends Omit<Edit, "changes"> {
  /** What was written; absent if the key was deleted. */
  value?: JsonValue;
}

/** A time in milliseconds or as a date, or how much of each session somebody had. */
export type Moment = number | Date | { [session: string]: number };

/** What a stream of bytes is, and how much of it is here. */
export interface BinaryInfo {
  mimeType?: string;
  fileName?: string;
  totalSizeBytes?: number;
  loadedBytes: number;
  isFinished: boolean;
}

export interface Progress {
  /** Bytes that were written, or are here. */
  done: number;
  /** Of how many; absent while that is not known. */
  total?: number;
}

export interface ItemOptions {
  /** Whether only those who administer the group may delete items. Default: whoever may write. */
  restrictDeletion?: boolean;
}

export interface BinaryOptions {
  /** Default: the file's own, else `application/octet-stream`. */
  mimeType?: string;
  /** Default: the file's own. */
  fileName?: string;
  group?: Group;
  onProgress?: (progress: Progress) => void;
}

/** What a member of a group may do; see docs/groups.md. */
export type Role = "admin" | "manager" | "writer" | "reader" | "writeOnly";
/** What a group takes over from one that it extends: each member's role there, or this role for all of them. */
export type Inheritance = "extend" | "admin" | "manager" | "writer" | "reader";

/** Every error of this package. */
export interface PleioneError extends Error {
  readonly name: "PleioneError";
  /** Stable: `PLEIONE_E_…`. */
  readonly code: string;
  /** Where: document and path, an id, a tool's name. */
  readonly place?: string;
}

/** The actor that calls a tool. */
export interface ToolCaller {
  readonly id: string;
  /** The same for every attempt of one call. */
  readonly idempotencyKey: string;
  /** Aborted when the attempt takes too long, or when nobody waits for the call any more: its state was left, the actor ended. */
  readonly signal: AbortSignal;
  /** Tells how far the call has come; a state that invoked it gets that as `progress.invoke.<id>`. */
  progress(value: JsonValue): void;
}

export interface Tool<P extends JsonValue = JsonValue> {
  /** A JSON Schema of the payload; absent: any. */
  parameters?: object | boolean;
  /** Calling it twice with one idempotency key does no more than once: it is called again when a reload cut it off. */
  idempotent?: boolean;
  /** What it does, for people and language models. */
  description?: string;
  /** Milliseconds that an attempt may take before it fails as `timeout`; absent: any time. */
  timeout?: number;
  /** How many more attempts a call that fails is given. Only an idempotent tool can have any. */
  retries?: number;
  /** Milliseconds until the second attempt; each further one waits twice as long, a minute at most. Default: 1,000. */
  backoff?: number;
  /** What the machine gets as SUCCESS is what this resolves to; what it throws is its ERROR. */
  execute(payload: P, actor: ToolCaller): unknown;
}

/** A tool as a language model is told of it. */
export interface ModelTool {
  /** The tool's name without the `@`, and with `_` for what no model takes in a name. */
  name: string;
  description: string;
  /** A JSON Schema of what it takes. */
  input_schema: object;
}

/** An actor's definition; a document may be a value's id instead, and is then live. */
export interface Definition {
  id: string;
  role?: string;
  context?: Record<string, unknown> | CoId;
  state?: object | CoId;
  view?: object | CoId;
  style?: object | CoId;
  brand?: object | CoId;
  messageTypes?: object | CoId;
  /** The definition's version, from 0. What an older one stored is migrated, what a newer one stored is refused. */
  version?: number;
  /** How to lead on from each version that was left. */
  migrate?: Record<
    string,
    { states?: Record<string, string>; keys?: Record<string, string | null>; updateContext?: object }
  >;
  /** Whether each transition is kept, for `history`, `at` and `replay`: all, or those of so many days at least. */
  history?: boolean | { days: number };
  /** What other actors may tell it: JSON Schemas of payloads by message type. Absent: what `messageTypes` says. */
  interface?: object | CoId;
  [key: string]: unknown;
}

/** Whom a message is for: an actor of the sender's space by its name, one of another space, or whoever reads an inbox. */
export type MessageTarget = string | { actor: string; space?: CoId } | { inbox: CoId };

/** A message that nobody may or can handle. */
export interface DeadLetter {
  id: string;
  /** The actor that it was for. */
  actor: string;
  /** When it was found to be dead, in milliseconds after 1970. */
  at: number;
  /** Stable: `PLEIONE_E_…`. */
  code: string;
  reason: string;
  type: string;
  /** Null if it is too large to keep. */
  payload: JsonValue;
  /** The actor that told it, by its own words. */
  source: JsonValue;
}

export interface ActorEvent {
  type: string;
  payload?: JsonValue;
}

/** A transition as an actor's history tells it. */
export interface Transition {
  /** Its place in the history, from 0. */
  index: number;
  /** Null for the actor's start. */
  from: StateValue | null;
  to: StateValue;
  /** What a tool told is `SUCCESS`, `ERROR` or `progress`, with its name. */
  event: { type: string; payload: JsonValue; tool?: string };
  /** The context's keys that it changed. */
  changed: string[];
  /** Milliseconds since 1970, by the author's clock. */
  time: number;
  /** The account that made it. */
  author: CoId;
}

/** Where an actor was at some time. */
export interface ActorMoment {
  state: StateValue;
  context: Record<string, any>;
}

/** What became of an actor's history when it was run again. */
export interface Replay {
  /** How many transitions were as they are recorded. */
  steps: number;
  difference: null | {
    /** The transition's index. */
    index: number;
    what: "from" | "to" | "changed" | "context" | "tools" | "call";
    recorded: JsonValue;
    replayed: JsonValue;
  };
  /** The indexes of the transitions for which it is not known what queries showed, as that was too much to be kept. */
  unsure: number[];
}

/** What a machine by itself is made of: a definition, or these two of its documents. */
export interface MachineDefinition {
  state: object;
  context?: Record<string, unknown>;
}

/** Where a machine by itself was. */
export interface MachineSnapshot {
  state: StateValue;
  context: Record<string, any>;
  /** What its states with a history had for active when they were left. */
  history?: JsonValue;
}

/** What an actor that is nothing but its machine asks of whoever drives it. */
export type MachineRequest =
  /** Call a tool, or run an actor, and say `succeed` or `fail` of its id. */
  | { type: "call"; id: string; tool?: string; actor?: JsonValue; payload: JsonValue }
  /** The state of this id was left: what it invoked, and what its entry called, may end. */
  | { type: "end"; state: string }
  /** Send this event after so many milliseconds. */
  | { type: "later"; id: string; delay: number; event: ActorEvent }
  /** Forget the events for later of this id. */
  | { type: "cancel"; id: string }
  /** Something failed that no state takes as `ERROR`. */
  | { type: "failure"; failure: { errors: { type: string; message: string; path?: string }[] } }
  /** It has come to its end. */
  | { type: "done"; output: JsonValue };

/** The name of a state, or `{ parent: child }`. */
export type StateValue = string | { [parent: string]: StateValue };
"#;
