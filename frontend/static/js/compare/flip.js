// Shows the two candidates by turns in one place, over the anchor, for as long as she holds on: what differs
// between them jumps. Where she wants less motion each hold shows one of them, and the next hold the other.

/** At most two changes a second: well below what could do harm. */
const TURN_MS = 500;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export class Flip {
  /** @type {"left" | "right"} */
  #side = "right";
  #timer = 0;
  isOn = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.board = /** @type {HTMLElement} */ (root.querySelector(".board"));
    this.frame = /** @type {HTMLElement} */ (root.querySelector(".flip-frame"));
    const button = /** @type {HTMLElement} */ (root.querySelector("[data-flip]"));
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.start();
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      button.addEventListener(name, () => this.stop());
    }
    // A long press is no request for a menu.
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("blur", () => this.stop());
  }

  start() {
    if (this.isOn || this.board.inert) return;
    const images = ["left", "right"].map((side) => this.board.querySelector(`[data-place="${side}"] img`));
    if (images.some((image) => !image)) return;
    this.isOn = true;
    for (const image of images) {
      const copy = /** @type {HTMLImageElement} */ (image?.cloneNode());
      copy.alt = "";
      this.frame.append(copy);
    }
    this.frame.hidden = false;
    this.#turn();
    if (!STILL.matches) this.#timer = setInterval(() => this.#turn(), TURN_MS);
  }

  stop() {
    if (!this.isOn) return;
    this.isOn = false;
    clearInterval(this.#timer);
    this.frame.hidden = true;
    for (const copy of this.frame.querySelectorAll("img")) copy.remove();
    delete this.board.dataset.flip;
  }

  #turn() {
    this.#side = this.#side === "left" ? "right" : "left";
    this.board.dataset.flip = this.#side;
  }
}
