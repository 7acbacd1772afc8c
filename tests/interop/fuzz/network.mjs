// Owns the links between the nodes of a case. Frames are carried when the dice say so: late, twice, in another order (those about
// one value keep theirs, as one connection would keep it), or never if their link breaks.

/** A link: the client's end first. */
class Link {
  constructor(name, ends) {
    Object.assign(this, { name, ends, isOpen: false, queues: [[], []] });
  }
}

export class Network {
  /** The links, by name. */
  links = new Map();
  #nodes = new Map();
  #dice;

  constructor(dice) {
    this.#dice = dice;
  }

  add(node) {
    this.#nodes.set(node.name, node);
  }

  addLink(client, server) {
    const name = `${client.name}-${server.name}`;
    this.links.set(name, new Link(name, [client.name, server.name]));
  }

  /** A node sends a frame. */
  post(node, link, frame) {
    const { isOpen, ends, queues } = this.links.get(link);
    if (isOpen) queues[ends.indexOf(node)].push(frame);
  }

  async connect(link) {
    if (link.isOpen) return;
    link.isOpen = true;
    await this.#nodes.get(link.ends[1]).connect(link.name, "client");
    await this.#nodes.get(link.ends[0]).connect(link.name, "server");
  }

  async disconnect(link) {
    if (!link.isOpen) return;
    link.isOpen = false;
    link.queues = [[], []];
    for (const end of link.ends) await this.#nodes.get(end).disconnect(link.name);
  }

  /** Carries some frame; returns whether there was one. */
  async step({ isBad }) {
    const waiting = [...this.links.values()].flatMap((link) => [0, 1].filter((end) => link.queues[end].length > 0).map((end) => [link, end]));
    if (waiting.length === 0) return false;
    const [link, end] = this.#dice.pick(waiting);
    const frame = this.#take(link.queues[end], isBad);
    await this.#nodes.get(link.ends[1 - end]).deliver(link.name, frame);
    return true;
  }

  #take(queue, isBad) {
    if (!isBad) return queue.shift();
    const id = (frame) => /"id":"([^"]*)"/.exec(frame)?.[1];
    const picked = id(queue[this.#dice.roll(queue.length)]);
    const first = queue.findIndex((frame) => id(frame) === picked);
    return this.#dice.oneIn(10) ? queue[first] : queue.splice(first, 1)[0];
  }

  /** Carries everything, until nobody has anything to say. */
  async rest() {
    for (let frames = 0, idle = 0; idle < 2; frames += 1) {
      if (frames > 50_000) throw new Error("the network does not come to rest");
      if (await this.step({ isBad: false })) idle = 0;
      else {
        idle += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}
