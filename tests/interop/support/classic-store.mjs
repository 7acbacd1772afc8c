// Owns files of classic CoJSON programs: npm's cojson keeps its values in one, by the storage and the tables that it comes with.
import { LocalNode } from "cojson";
import { WasmCrypto } from "cojson/crypto/WasmCrypto";
import { getSqliteStorage } from "cojson/dist/storage/sqlite/index.js";
import Database from "libsql";

const crypto = await WasmCrypto.create();

/** What cojson asks of an SQLite library. */
class Driver {
  #database;

  constructor(file) {
    this.#database = new Database(file);
    this.#database.pragma("journal_mode = WAL");
  }

  run(sql, params) {
    this.#database.prepare(sql).run(params);
  }

  query(sql, params) {
    return this.#database.prepare(sql).all(params);
  }

  get(sql, params) {
    return this.#database.prepare(sql).get(params);
  }

  transaction(callback) {
    this.run("BEGIN", []);
    callback();
    this.run("COMMIT", []);
  }

  closeDb() {
    this.#database.close();
  }
}

/** A node with a new account that keeps everything in this file, and nowhere else. */
export async function newClassicNode(file, name) {
  const storage = getSqliteStorage(new Driver(file));
  const { node } = await LocalNode.withNewlyCreatedAccount({ creationProps: { name }, crypto, storage });
  return node;
}
