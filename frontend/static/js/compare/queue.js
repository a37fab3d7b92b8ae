// The comparisons that come next: leased ahead, pictures decoded, none twice, none whose lease is over.

import { LoggedOut, Refused } from "./api.js";
import { Backoff } from "./backoff.js";
import { picture } from "./pictures.js";

/**
 * A comparison that can be shown at once. `until` (performance.now) is the end of its lease; a picture
 * that can not be loaded is null.
 * @typedef {"anchor"|"left"|"right"} Place on the compare page
 * @typedef {HTMLImageElement | null} Picture
 * @typedef {{comparison: import("./api.js").Comparison, until: number,
 *   pictures: Record<string, Picture | Picture[]>}} Ready a place may have several
 */

/** Enough for a minute without the network. */
const AHEAD = 10;
/** Each answer brings the next comparisons along; where it brings none, this few are waited for. */
const FEW = 3;
/** The server renews a lease that she holds once so much of it has gone. */
const RENEWED_MS = 20_000;

export class Queue {
  /** @type {Ready[]} */
  #ready = [];
  /** @type {Set<number>} */
  #taken = new Set();
  /** @type {Set<number>} those whose pictures are being loaded */
  #coming = new Set();
  #filling = false;
  #again = false;
  #reviewing = false;
  #leaseMs = 0;
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

  /** How many more it has a place for. */
  get room() {
    return Math.max(0, AHEAD - this.#ready.length - this.#coming.size);
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

  /** Put one back that has not been answered: it comes next. @param {Ready} ready */
  putBack(ready) {
    this.#taken.delete(ready.comparison.id);
    this.#ready.unshift(ready);
  }

  /**
   * A comparison whose answer has been taken back, ready to be shown again: the server holds it for her anew.
   * @param {import("./api.js").Comparison} comparison @returns {Promise<Ready>}
   */
  async again(comparison) {
    this.#taken.add(comparison.id);
    const pictures = await load(comparison);
    return { comparison, pictures, until: performance.now() + this.#leaseMs };
  }

  /** Ask what is hers now: what followed from an answer that was taken back may not be asked any more. */
  review() {
    this.#reviewing = true;
    return this.fill();
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
      if (this.#reviewing || this.#ready.length + this.#coming.size < FEW) await this.#ask();
    }
    this.#filling = false;
  }

  async #ask() {
    const before = this.#reviewing ? [...this.#ready] : [];
    this.#reviewing = false;
    try {
      // Those in the outbox, and on the screen, are still hers as far as the server knows: they come once more.
      const lease = await this.settings.lease(AHEAD + 2 + this.settings.outbox.size);
      this.settings.onProgress(lease.progress);
      const hers = new Set(lease.comparisons.map(({ id }) => id));
      this.#ready = this.#ready.filter((ready) => !before.includes(ready) || hers.has(ready.comparison.id));
      if (lease.state === "paused" || lease.state === "closed") this.#ready = [];
      this.state = lease.state;
      await this.accept(lease);
      this.#backoff.reset();
    } catch (error) {
      if (error instanceof LoggedOut) {
        this.state = "logged-out";
        // The page leads to what comes first, and back here.
        if (error.code) location.reload();
      } else if (error instanceof Refused) this.state = "gone";
      else this.state = "unreachable";
      this.settings.onChange();
      this.#reviewing = before.length > 0;
      if (this.state === "unreachable") {
        await this.#backoff.wait();
        this.#again = true;
      }
    }
  }

  /**
   * Take comparisons that the server leased; what she holds has been renewed with them.
   * @param {{comparisons: import("./api.js").Comparison[], lease_seconds: number}} leased
   */
  async accept({ comparisons, lease_seconds }) {
    this.#leaseMs = lease_seconds * 1000;
    const until = performance.now() + this.#leaseMs;
    for (const ready of this.#ready) ready.until = Math.max(ready.until, until - RENEWED_MS);
    const fresh = comparisons.filter(({ id }) => this.#isFresh(id));
    fresh.sort((a, b) => Number(b.id === this.first) - Number(a.id === this.first));
    this.first = null;
    // All are loaded at once, but come in the server's order.
    for (const { id } of fresh) this.#coming.add(id);
    const loading = fresh.map(load);
    for (const [index, comparison] of fresh.entries()) {
      this.#ready.push({ comparison, until, pictures: await loading[index] });
      this.#coming.delete(comparison.id);
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
      !this.#coming.has(id) &&
      !this.settings.outbox.answered(id) &&
      !this.#ready.some((ready) => ready.comparison.id === id)
    );
  }
}

/** @param {import("./api.js").Comparison} comparison @returns {Promise<Ready["pictures"]>} */
async function load({ id, ...places }) {
  /** @type {Set<Picture>} */
  const seen = new Set();
  const loaded = Object.entries(places).map(async ([place, shown]) => {
    if (!Array.isArray(shown)) return [place, await once(shown.src, seen)];
    return [place, await Promise.all(shown.map(({ src }) => once(src, seen)))];
  });
  return Object.fromEntries(await Promise.all(loaded));
}

/** The picture, or another of it where it is seen already: one can stand in one place. @param {string} src @param {Set<Picture>} seen */
async function once(src, seen) {
  const image = await picture(src);
  if (!image || !seen.has(image)) {
    seen.add(image);
    return image;
  }
  const copy = /** @type {HTMLImageElement} */ (image.cloneNode());
  await copy.decode().catch(() => {});
  return copy;
}
