// Waits between attempts: longer each time, but not a moment longer than the network is away.

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

export class Backoff {
  #pause = FIRST_MS;
  /** Ends the present wait at once. */
  hurry = () => {};

  reset() {
    this.#pause = FIRST_MS;
  }

  /** Resolves after the pause, when hurried, or as soon as the browser says that it is online again. */
  async wait() {
    const pause = this.#pause * (0.75 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_MS);
    await new Promise((resolve) => {
      this.hurry = () => resolve(undefined);
      addEventListener("online", this.hurry, { once: true });
      setTimeout(this.hurry, pause);
    });
    removeEventListener("online", this.hurry);
    this.hurry = () => {};
  }
}
