// The dialog in which she flags a face in place of an answer: its picture is broken, or she knows the person.

/**
 * @typedef {import("./api.js").Flag} Flag
 * @typedef {import("./queue.js").Place} Place
 */

/** @type {Record<string, Place>} */
const PLACES = { ArrowLeft: "left", 1: "left", ArrowUp: "anchor", 3: "anchor", ArrowRight: "right", 2: "right" };
/** @type {Record<string, Flag>} */
const KINDS = { b: "broken", k: "known" };

export class Flags {
  /** @type {Flag} */
  #kind = "broken";

  /**
   * @param {HTMLElement} root
   * @param {(flag: Flag, place: Place) => void} onFlag
   */
  constructor(root, onFlag) {
    this.dialog = /** @type {HTMLDialogElement} */ (root.querySelector("dialog.flag-dialog"));
    this.board = /** @type {HTMLElement} */ (root.querySelector(".board"));
    this.onFlag = onFlag;
    root.querySelector("[data-opens-flags]")?.addEventListener("click", () => this.open("broken"));
    for (const button of this.#all("[data-kind]")) {
      button.addEventListener("click", () => this.#choose(/** @type {Flag} */ (button.dataset.kind)));
    }
    for (const button of this.#all("[data-face]")) {
      button.addEventListener("click", () => this.#flag(/** @type {Place} */ (button.dataset.face)));
    }
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener("keydown", (event) => this.#press(event));
  }

  /** @param {Flag} kind */
  open(kind) {
    if (this.board.inert || this.dialog.open) return;
    for (const button of this.#all("[data-face]")) {
      const image = this.board.querySelector(`[data-place="${button.dataset.face}"] img`)?.cloneNode();
      button.querySelector(".frame")?.replaceChildren(...(image ? [image] : []));
      if (image) /** @type {HTMLImageElement} */ (image).alt = "";
    }
    this.#choose(kind);
    this.dialog.showModal();
    // One that could not be loaded is most likely meant.
    const missing = this.#all("[data-face]").find((button) => !button.querySelector("img"));
    (missing ?? this.#all(`[data-kind="${kind}"]`)[0]).focus();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const place = PLACES[event.key];
    const kind = KINDS[event.key.toLowerCase()];
    if (place || kind) event.preventDefault();
    if (kind) this.#choose(kind);
    if (place) this.#flag(place);
  }

  /** @param {Flag} kind */
  #choose(kind) {
    this.#kind = kind;
    for (const button of this.#all("[data-kind]")) {
      button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
    }
  }

  /** @param {Place} place */
  #flag(place) {
    this.dialog.close();
    this.onFlag(this.#kind, place);
  }

  /** @param {string} selector @returns {HTMLElement[]} */
  #all(selector) {
    return [...this.dialog.querySelectorAll(selector)].map((found) => /** @type {HTMLElement} */ (found));
  }
}
