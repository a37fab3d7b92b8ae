// Answers by swiping on a touch screen: left, right, or down where she can not tell. What the swipe would say
// is marked while the finger is down, and nothing happens where it comes back.

/** @typedef {import("./api.js").Answer} Answer */

/** A finger that moves less means a tap. */
const SLOP_PX = 12;
const ENOUGH_PX = 64;

export class Swipe {
  /** @type {{id: number, x: number, y: number, lastX: number, lastY: number, moved: boolean} | null} */
  #finger = null;
  /** @type {Answer | null} */
  #aim = null;

  /**
   * @param {HTMLElement} root
   * @param {import("./zoom.js").Zoom} zoom while it is on, a finger moves the pictures
   * @param {(answer: Answer) => void} onAnswer
   */
  constructor(root, zoom, onAnswer) {
    this.root = root;
    this.zoom = zoom;
    this.onAnswer = onAnswer;
    this.board = /** @type {HTMLElement} */ (root.querySelector(".board"));
    this.board.addEventListener("pointerdown", (event) => this.#down(event));
    this.board.addEventListener("pointermove", (event) => this.#move(event));
    this.board.addEventListener("pointerup", (event) => this.#up(event));
    this.board.addEventListener("pointercancel", () => this.#end());
    // Pinched larger by the browser, the page is moved by the finger and not swiped.
    visualViewport?.addEventListener("resize", () => this.board.classList.toggle("pinched", this.#isPinched));
  }

  get #isPinched() {
    return (visualViewport?.scale ?? 1) > 1.01;
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const isTool = /** @type {Element} */ (event.target).closest(".tool");
    if (event.pointerType !== "touch" || !event.isPrimary || isTool || this.#isPinched) return this.#end();
    const { pointerId: id, clientX: x, clientY: y } = event;
    this.#finger = { id, x, y, lastX: x, lastY: y, moved: false };
    return undefined;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const finger = this.#finger;
    if (!finger || event.pointerId !== finger.id) return;
    const dx = event.clientX - finger.x;
    const dy = event.clientY - finger.y;
    finger.moved ||= Math.hypot(dx, dy) > SLOP_PX;
    if (!finger.moved) return;
    if (this.zoom.isOn) this.zoom.drag(event.clientX - finger.lastX, event.clientY - finger.lastY);
    else this.#show(dx, dy);
    [finger.lastX, finger.lastY] = [event.clientX, event.clientY];
  }

  /** @param {number} dx @param {number} dy */
  #show(dx, dy) {
    const isAcross = Math.abs(dx) > Math.abs(dy);
    this.#aim = isAcross ? (dx < 0 ? "left" : "right") : dy > 0 ? "uncertain" : null;
    const way = Math.min(1, Math.abs(isAcross ? dx : dy) / ENOUGH_PX);
    if (way < 1) this.#aim = null;
    this.board.dataset.swipe = this.#aim ?? "";
    this.board.style.setProperty("--swipe-x", `${isAcross ? dx / 3 : 0}px`);
    this.board.style.setProperty("--swipe-y", `${isAcross ? 0 : Math.max(0, dy) / 3}px`);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (event.pointerId !== this.#finger?.id) return;
    const aim = this.#aim;
    // The click that may follow a swipe is no answer.
    if (this.#finger.moved) {
      const swallow = (/** @type {Event} */ click) => click.stopPropagation();
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, { capture: true }), 50);
    }
    this.#end();
    if (aim) this.onAnswer(aim);
  }

  #end() {
    this.#finger = this.#aim = null;
    delete this.board.dataset.swipe;
    this.board.style.removeProperty("--swipe-x");
    this.board.style.removeProperty("--swipe-y");
  }
}
