// Looks closer at all three faces together: the same part of each, at the same scale.

const STEP = 15;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** Eyes and mouth together. */
const MIDDLE = { x: 50, y: 55 };

export class Zoom {
  #at = { ...MIDDLE };

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.board = /** @type {HTMLElement} */ (root.querySelector(".board"));
    this.button = /** @type {HTMLElement} */ (root.querySelector("[data-zoom]"));
    this.button.addEventListener("click", () => this.toggle());
    this.board.addEventListener("pointermove", (event) => {
      if (this.isOn && event.pointerType === "mouse") this.#follow(event);
    });
  }

  get isOn() {
    return this.button.getAttribute("aria-pressed") === "true";
  }

  toggle(on = !this.isOn) {
    this.button.setAttribute("aria-pressed", String(on));
    this.board.classList.toggle("zoomed", on);
    this.#look(MIDDLE.x, MIDDLE.y);
  }

  /** Look at another part. @param {string} key an arrow's */
  step(key) {
    const [x, y] = ARROWS[key];
    this.#look(this.#at.x + x * STEP, this.#at.y + y * STEP);
  }

  /** Move the pictures under a finger. @param {number} dx @param {number} dy px */
  drag(dx, dy) {
    const side = this.board.querySelector(".frame")?.clientWidth || 1;
    this.#look(this.#at.x - (dx / side) * 140, this.#at.y - (dy / side) * 140);
  }

  /** Look at what the mouse points to, in all three. @param {PointerEvent} event */
  #follow(event) {
    const target = /** @type {Element} */ (event.target);
    const frame = target.closest(".frame") ?? target.closest(".tile")?.querySelector(".frame");
    if (!frame) return;
    const { left, top, width, height } = frame.getBoundingClientRect();
    this.#look(((event.clientX - left) / width) * 100, ((event.clientY - top) / height) * 100);
  }

  /** @param {number} x @param {number} y per cent of the picture */
  #look(x, y) {
    this.#at = { x: Math.min(100, Math.max(0, x)), y: Math.min(100, Math.max(0, y)) };
    this.board.style.setProperty("--look-x", `${this.#at.x}%`);
    this.board.style.setProperty("--look-y", `${this.#at.y}%`);
  }
}
