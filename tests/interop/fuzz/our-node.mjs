// Owns our nodes in a case: they live in the program of `tests/peer`, their clock and what is random in them are the case's.

export class OurNode {
  kind = "ours";
  #peers;
  #told;

  /** `peers` is the program; what its nodes send it hands to the case. A relay has no account. */
  static async open(name, { peers, seed, clock, isRelay = false, secret }) {
    const node = new OurNode();
    node.#peers = peers;
    Object.assign(node, { name, clock }, await peers.tell(name, "open", { seed, relay: isRelay, now: clock.now, secret }));
    node.#told = clock.now;
    return node;
  }

  async tell(command, details) {
    if (this.#told !== this.clock.now) await this.#peers.tell(this.name, "clock", { now: (this.#told = this.clock.now) });
    return this.#peers.tell(this.name, command, details);
  }

  connect(link, role) {
    return this.tell("connect", { link, serves: role === "client" });
  }

  disconnect(link) {
    return this.tell("disconnect", { link });
  }

  deliver(link, frame) {
    return this.tell("deliver", { link, frame });
  }

  load(values) {
    return this.tell("load", { values });
  }

  async view(value) {
    const shown = await this.tell("view", { value });
    return shown?.loadedBytes !== undefined ? this.tell("bytes", { value }) : shown;
  }

  known(value) {
    return this.tell("known", { value });
  }

  role(group, member) {
    return this.tell("role", { group, member });
  }

  /** Does one operation; see operations.mjs. Throws if our node refuses. */
  async perform({ does, ...how }) {
    if (does !== "writeBytes") return this.tell(does, how);
    const value = await this.tell("create", { type: "costream", owner: how.owner, meta: { type: "binary" } });
    await this.tell(does, { value, ...how });
    return value;
  }

  close() {
    return this.#peers.tell(this.name, "close");
  }
}
