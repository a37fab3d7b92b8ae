// Keeps answers until the server has acknowledged them: in localStorage, so that neither a reload nor a
// closed browser loses one, and under the annotator's own key, so that they are sent only in her name.

import { LoggedOut, Refused } from "./api.js";
import { Backoff } from "./backoff.js";
import { uuid } from "./uuid.js";

/**
 * `tried`: it may have reached the server, acknowledged or not.
 * @typedef {import("./api.js").Vote & {campaign?: number, study?: number, at: number, tried?: boolean}} Entry
 */

export class Outbox {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Set<number>} */
  #answered = new Set();
  #backoff = new Backoff();
  /** @type {Map<string, (isGone: boolean) => void>} */
  #awaited = new Map();
  #sending = false;
  #attempts = 0;

  /** True while answers wait because the last attempt did not reach the server. */
  failing = false;
  /** True once the server no longer knows who we are: nothing is sent until the page is loaded anew. */
  loggedOut = false;

  /**
   * @param {object} settings
   * @param {string} settings.prefix of the keys of what she answered: hers, and for one address to send it to
   * @param {(vote: Entry) => Promise<import("./api.js").Saved>} settings.send
   * @param {() => void} settings.onChange the number of answers or the state of sending has changed
   * @param {(vote: Entry, saved: import("./api.js").Saved) => void} settings.onSaved
   * @param {(vote: Entry, refused: Refused) => void} settings.onRefused
   */
  constructor(settings) {
    this.settings = settings;
    this.prefix = settings.prefix;
    for (const entry of stored(this.prefix)) this.#put(entry);
  }

  get size() {
    return this.#entries.size;
  }

  /** Begin to watch; the returned function says whether no answer has been on its way since. */
  watch() {
    const before = this.#sending ? NaN : this.#attempts;
    return () => this.#attempts === before;
  }

  /**
   * Whether it has been answered here, acknowledged or not: a lease that was asked for before the answer
   * arrived may still bring it. @param {number} showing
   */
  answered(showing) {
    return this.#answered.has(showing);
  }

  /** @param {Entry} entry */
  #put(entry) {
    this.#entries.set(entry.id, entry);
    this.#answered.add(entry.showing);
  }

  /** @param {Omit<Entry, "id" | "at">} answer @returns {string} its id */
  add(answer) {
    const entry = { ...answer, id: uuid(), at: Date.now() };
    this.#put(entry);
    keep(this.prefix + entry.id, entry);
    this.settings.onChange();
    void this.flush();
    return entry.id;
  }

  /** Take out an answer that can not have reached the server; false where it may have. @param {string} id */
  takeBack(id) {
    const entry = this.#entries.get(id);
    if (!entry || entry.tried) return false;
    this.#drop(entry);
    return true;
  }

  /** Wait until the server has said something on an answer; false where it can not be reached. @param {string} id */
  async acknowledged(id) {
    if (!this.#entries.has(id)) return true;
    if (this.loggedOut) return false;
    this.hurry();
    return new Promise((resolve) => this.#awaited.set(id, resolve));
  }

  /** @param {boolean} isGone @param {string[]} ids */
  #tell(isGone, ids) {
    for (const id of ids) {
      this.#awaited.get(id)?.(isGone);
      this.#awaited.delete(id);
    }
  }

  /** Try at once if it was waiting for the next attempt. */
  hurry() {
    this.#backoff.hurry();
  }

  /** Send what is there, oldest first, one at a time, until nothing is left or nobody is logged in. */
  async flush() {
    if (this.#sending || this.loggedOut) return;
    this.#sending = true;
    while (this.#entries.size && !this.loggedOut) {
      const [entry] = [...this.#entries.values()].sort((a, b) => a.at - b.at);
      await this.#attempt(entry);
    }
    this.#sending = false;
  }

  /** @param {Entry} entry */
  async #attempt(entry) {
    this.#attempts += 1;
    if (!entry.tried) keep(this.prefix + entry.id, Object.assign(entry, { tried: true }));
    try {
      const saved = await this.settings.send(entry);
      this.#settled(entry);
      this.settings.onSaved(entry, saved);
    } catch (error) {
      if (error instanceof Refused) {
        this.#settled(entry);
        this.settings.onRefused(entry, error);
      } else if (error instanceof LoggedOut) {
        this.loggedOut = true;
        this.#tell(false, [...this.#awaited.keys()]);
        this.settings.onChange();
      } else {
        this.failing = true;
        this.#tell(false, [...this.#awaited.keys()]);
        this.settings.onChange();
        await this.#backoff.wait();
      }
    }
  }

  /** @param {Entry} entry */
  #settled(entry) {
    this.failing = false;
    this.#backoff.reset();
    this.#drop(entry);
    this.#tell(true, [entry.id]);
  }

  /** @param {Entry} entry */
  #drop(entry) {
    this.#entries.delete(entry.id);
    forget(this.prefix + entry.id);
    this.settings.onChange();
  }
}

/** @param {string} prefix @returns {Entry[]} */
function stored(prefix) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .map((key) => JSON.parse(localStorage.getItem(key) ?? ""));
  } catch {
    return [];
  }
}

/** @param {string} key @param {Entry} entry */
function keep(key, entry) {
  try {
    localStorage.setItem(key, JSON.stringify(entry));
  } catch {
    // Storage is full or switched off: the answer lives in memory, and leaving the page asks first.
    addEventListener("beforeunload", (event) => event.preventDefault(), { once: true });
  }
}

/** @param {string} key */
function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // It was never kept.
  }
}
