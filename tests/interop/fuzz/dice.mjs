// Owns chance: everything random in a case is drawn from its seed, so a seed repeats its case.

export class Dice {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
    for (let warm = 0; warm < 8; warm += 1) this.#next();
  }

  // mulberry32
  #next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number below `sides`. */
  roll(sides) {
    return this.#next() % sides;
  }

  oneIn(sides) {
    return this.roll(sides) === 0;
  }

  pick(items) {
    return items[this.roll(items.length)];
  }

  /** Picks a key of `{key: weight}`. */
  weigh(weights) {
    let rest = this.roll(Object.values(weights).reduce((sum, weight) => sum + weight, 0));
    for (const [key, weight] of Object.entries(weights)) if ((rest -= weight) < 0) return key;
  }

  bytes(length) {
    return Uint8Array.from({ length }, () => this.roll(256));
  }
}
