// The comparisons that come next: leased ahead, pictures decoded, none twice, none whose lease is over.

import { LoggedOut, Refused } from "./api.js";
import { Backoff } from "./backoff.js";
import { picture } from "./pictures.js";

/**
 * A comparison that can be shown at once. `until` (performance.now) is the end of its lease; a picture
 * that can not be loaded is null.
 * @typedef {"anchor"|"left"|"right"} Place
 * @typedef {{comparison: import("./api.js").Comparison, until: number,
 *   pictures: Record<Place, HTMLImageElement | null>}} Ready
 */

const AHEAD = 3;
const MOST_AT_ONCE = 10;

export class Queue {
  /** @type {Ready[]} */
  #ready = [];
  /** @type {Set<number>} */
  #taken = new Set();
  #filling = false;
  #again = false;
  #backoff = new Backoff();

  /** @type {import("./api.js").CampaignState | "loading" | "unreachable" | "logged-out" | "gone"} */
  state = "loading";

  /**
   * @param {object} settings
   * @param {(count: number) => Promise<import("./api.js").Lease>} settings.lease
   * @param {import("./outbox.js").Outbox} settings.outbox
   * @param {number | null} settings.first the comparison that was on the screen before a reload
   * @param {(progress: import("./api.js").Progress) => void} settings.onProgress
   * @param {() => void} settings.onChange one more is ready, or the state has changed
   */
  constructor(settings) {
    this.settings = settings;
    this.first = settings.first;
  }

  /** How many can be shown without the server. */
  get size() {
    return this.#ready.length;
  }

  /** The next comparison, or null where none is ready. @returns {Ready | null} */
  take() {
    this.#dropLapsed();
    const next = this.#ready.shift() ?? null;
    if (next) this.#taken.add(next.comparison.id);
    return next;
  }

  /** Give back one that was taken and not answered; it comes first again. @param {Ready} ready */
  giveBack(ready) {
    this.#taken.delete(ready.comparison.id);
    this.first = ready.comparison.id;
  }

  /** Try at once if it was waiting for the next attempt. */
  hurry() {
    this.#backoff.hurry();
  }

  /** Ask the server for more, if there is room. Called while it asks, it asks once more afterwards. */
  async fill() {
    this.#again = true;
    if (this.#filling) return;
    this.#filling = true;
    while (this.#again && this.state !== "logged-out" && this.state !== "gone") {
      this.#again = false;
      this.#dropLapsed();
      if (this.#ready.length < AHEAD) await this.#ask();
    }
    this.#filling = false;
  }

  async #ask() {
    try {
      // Those in the outbox are still hers as far as the server knows, so they come back once more.
      const count = Math.min(AHEAD + this.settings.outbox.size, MOST_AT_ONCE);
      await this.#accept(await this.settings.lease(count));
      this.#backoff.reset();
    } catch (error) {
      if (error instanceof LoggedOut) this.state = "logged-out";
      else if (error instanceof Refused) this.state = "gone";
      else this.state = "unreachable";
      this.settings.onChange();
      if (this.state === "unreachable") {
        await this.#backoff.wait();
        this.#again = true;
      }
    }
  }

  /** @param {import("./api.js").Lease} lease */
  async #accept(lease) {
    this.settings.onProgress(lease.progress);
    const until = performance.now() + lease.lease_seconds * 1000;
    if (lease.state === "paused") this.#ready = [];
    for (const ready of this.#ready) {
      if (lease.comparisons.some(({ id }) => id === ready.comparison.id)) ready.until = until;
    }
    const fresh = lease.comparisons.filter(({ id }) => this.#isFresh(id));
    fresh.sort((a, b) => Number(b.id === this.first) - Number(a.id === this.first));
    this.first = null;
    this.state = lease.state;
    // All are loaded at once, but come in the server's order.
    const loading = fresh.map(load);
    for (const [index, comparison] of fresh.entries()) {
      this.#ready.push({ comparison, until, pictures: await loading[index] });
      this.settings.onChange();
    }
    if (!fresh.length) this.settings.onChange();
  }

  #dropLapsed() {
    this.#ready = this.#ready.filter((ready) => ready.until > performance.now());
  }

  /** @param {number} id */
  #isFresh(id) {
    return (
      !this.#taken.has(id) &&
      !this.settings.outbox.holds(id) &&
      !this.#ready.some((ready) => ready.comparison.id === id)
    );
  }
}

/** @param {import("./api.js").Comparison} comparison @returns {Promise<Ready["pictures"]>} */
async function load(comparison) {
  const [anchor, left, right] = await Promise.all(
    [comparison.anchor, comparison.left, comparison.right].map(({ src }) => picture(src)),
  );
  return { anchor, left, right };
}
