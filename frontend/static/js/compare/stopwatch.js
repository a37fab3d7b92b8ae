// Measures for how long something has been in front of her: time in another tab does not count.

export class Stopwatch {
  #elapsed = 0;
  /** @type {number | null} */
  #since = null;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (this.#since === null) return;
      if (document.hidden) this.#elapsed += performance.now() - this.#since;
      this.#since = performance.now();
    });
  }

  restart() {
    this.#elapsed = 0;
    this.#since = performance.now();
  }

  stop() {
    this.#since = null;
  }

  /** Milliseconds since the last restart, without those in which the page was hidden. */
  get milliseconds() {
    if (this.#since === null) return 0;
    return Math.round(this.#elapsed + (document.hidden ? 0 : performance.now() - this.#since));
  }
}
