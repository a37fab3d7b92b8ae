// What pointers do on a map: hover, click, drag to move or to draw a line around points, pinch and wheel to zoom.

/** @typedef {import("./panel.js").Panel} Panel */

const STILL_PX = 4;
const TOUCH_REACH_PX = 24;
const WHEEL = 0.0016;

export class Gestures {
  /** @type {Map<number, [number, number]>} */
  #down = new Map();
  /** @type {[number, number][]} */
  #line = [];
  #moved = 0;
  #pinched = false;
  #draws = false;
  /** Whether dragging draws a line rather than moves the map. */
  isLasso = false;

  /** @param {Panel} panel */
  constructor(panel) {
    this.panel = panel;
    const { over } = panel;
    over.addEventListener("pointerdown", (event) => this.#begin(event));
    over.addEventListener("pointermove", (event) => this.#go(event));
    over.addEventListener("pointerup", (event) => this.#end(event));
    over.addEventListener("pointercancel", (event) => this.#cancel(event));
    over.addEventListener("pointerleave", () => this.#down.size || panel.listener.point(panel, -1, "hover"));
    over.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    over.addEventListener("keydown", (event) => panel.press(event) && event.preventDefault());
  }

  /** @param {MouseEvent} event @returns {[number, number]} */
  #at(event) {
    const { left, top } = this.panel.over.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    if (event.button) return;
    const place = this.#at(event);
    this.panel.over.setPointerCapture(event.pointerId);
    this.#down.set(event.pointerId, place);
    if (this.#down.size > 1) {
      this.#pinched = true;
      this.#drop();
    } else {
      this.#moved = 0;
      this.#pinched = false;
      this.#draws = this.isLasso !== event.shiftKey;
      this.#line = [place];
    }
  }

  /** @param {PointerEvent} event */
  #go(event) {
    const place = this.#at(event);
    const last = this.#down.get(event.pointerId);
    if (!last) {
      this.panel.listener.point(this.panel, this.panel.pointNear(...place), "hover");
      return;
    }
    const [dx, dy] = [place[0] - last[0], place[1] - last[1]];
    if (this.#down.size > 1) {
      this.#pinch(event.pointerId, place);
    } else if (!this.#pinched) {
      this.#moved += Math.hypot(dx, dy);
      if (this.#draws) {
        // Between two frames a pointer may have been in several places.
        for (const one of event.getCoalescedEvents?.() ?? []) this.#line.push(this.#at(one));
        this.#line.push(place);
        this.panel.showLine(this.#line);
      } else if (this.#moved > STILL_PX) {
        this.panel.move(dx, dy);
      }
    }
    this.#down.set(event.pointerId, place);
  }

  /** @param {number} pointer @param {[number, number]} place */
  #pinch(pointer, place) {
    const [[, other]] = [...this.#down].filter(([id]) => id !== pointer);
    const last = /** @type {[number, number]} */ (this.#down.get(pointer));
    const before = Math.hypot(last[0] - other[0], last[1] - other[1]);
    const now = Math.hypot(place[0] - other[0], place[1] - other[1]);
    if (before > 1) this.panel.zoom(now / before, (place[0] + other[0]) / 2, (place[1] + other[1]) / 2);
    this.panel.move((place[0] - last[0]) / 2, (place[1] - last[1]) / 2);
  }

  /** @param {PointerEvent} event */
  #end(event) {
    if (!this.#down.delete(event.pointerId) || this.#pinched) return;
    if (this.#moved <= STILL_PX) {
      const reach = event.pointerType === "touch" ? TOUCH_REACH_PX : undefined;
      this.panel.listener.point(this.panel, this.panel.pointNear(...this.#at(event), reach), "click");
    } else if (this.#draws && this.#line.length > 2) {
      this.panel.choose(this.#line);
    }
    this.#drop();
  }

  /** @param {PointerEvent} event */
  #cancel(event) {
    this.#down.delete(event.pointerId);
    this.#drop();
  }

  #drop() {
    this.#line = [];
    this.panel.showLine([]);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.panel.zoom(Math.exp(-event.deltaY * lines * WHEEL), ...this.#at(event));
  }
}
