// The card beside a point: the face's picture and what is known of it. Pinned by a click or a key, it leads on.

const WAIT_MS = 40;
const GAP_PX = 14;

/** @typedef {{face: number, lines: string[], address: string, crop: string}} Said */

export class Card {
  /** @type {number | undefined} */
  #timer;

  /** @param {HTMLElement} root @param {HTMLElement} around */
  constructor(root, around) {
    this.root = root;
    this.around = around;
    this.picture = /** @type {HTMLImageElement} */ (root.querySelector("img"));
    this.words = /** @type {HTMLElement} */ (root.querySelector("[data-words]"));
    this.link = /** @type {HTMLAnchorElement} */ (root.querySelector("a"));
  }

  /** @param {Said} said @param {[number, number]} place of the point, in pixels of what is around
   * @param {boolean} isPinned */
  show(said, [x, y], isPinned) {
    this.words.replaceChildren(...said.lines.flatMap((line, at) => (at ? [document.createElement("br"), line] : [line])));
    this.picture.alt = `Face: ${said.lines.join(", ")}`;
    this.link.href = said.address;
    this.link.hidden = !isPinned;
    this.root.hidden = false;
    this.root.classList.toggle("is-pinned", isPinned);
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const left = x + GAP_PX + width > this.around.clientWidth ? x - GAP_PX - width : x + GAP_PX;
    const top = Math.min(Math.max(y - height / 2, 4), this.around.clientHeight - height - 4);
    this.root.style.left = `${Math.max(4, left)}px`;
    this.root.style.top = `${top}px`;
    clearTimeout(this.#timer);
    if (this.picture.dataset.face === String(said.face)) return;
    this.picture.removeAttribute("src");
    this.picture.dataset.face = String(said.face);
    // A pointer that only passes by asks for no picture.
    this.#timer = setTimeout(() => (this.picture.src = said.crop), WAIT_MS);
  }

  hide() {
    clearTimeout(this.#timer);
    this.root.hidden = true;
  }
}
