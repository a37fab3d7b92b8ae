// Her last answers in this tab, the newest last, so that they can be taken back; they survive a reload.

/** As many as the server takes back. */
const KEPT = 10;

/** @typedef {{id: string, comparison: import("./api.js").Comparison}} Given */

export class History {
  /** @type {Given[]} */
  #given = [];

  /** @param {string} key under which this tab keeps them */
  constructor(key) {
    this.key = key;
    try {
      this.#given = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    } catch {
      // What was kept can not be read: there is nothing to take back.
    }
  }

  get last() {
    return this.#given.at(-1) ?? null;
  }

  /** @param {string} id of the vote @param {import("./api.js").Comparison} comparison */
  add(id, comparison) {
    this.#given = [...this.#given, { id, comparison }].slice(-KEPT);
    this.#keep();
  }

  /** Forget an answer: taken back, or never taken. @param {string} id */
  remove(id) {
    this.#given = this.#given.filter((given) => given.id !== id);
    this.#keep();
  }

  #keep() {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.#given));
    } catch {
      // Then they can be taken back until the page is left.
    }
  }
}
