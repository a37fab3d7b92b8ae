// Finds points by their place: a grid of cells over the plane, each with the points that lie in it.

const PER_CELL = 4;

export class Grid {
  /** @param {Float32Array} x @param {Float32Array} y */
  constructor(x, y) {
    this.x = x;
    this.y = y;
    this.box = boxOf(x, y);
    const { left, top, right, bottom } = this.box;
    const cells = Math.max(1, x.length / PER_CELL);
    this.size = Math.sqrt(Math.max((right - left) * (bottom - top), 1e-9) / cells);
    this.columns = Math.max(1, Math.min(4096, Math.ceil((right - left) / this.size)));
    this.rows = Math.max(1, Math.min(4096, Math.ceil((bottom - top) / this.size)));
    this.#fill();
  }

  // Points by cell, one cell after the other; where each begins.
  #fill() {
    const cell = Uint32Array.from(this.x, (x, at) => this.#row(this.y[at]) * this.columns + this.#column(x));
    this.begins = new Uint32Array(this.columns * this.rows + 1);
    for (const one of cell) this.begins[one + 1]++;
    for (let one = 1; one < this.begins.length; one++) this.begins[one] += this.begins[one - 1];
    const next = this.begins.slice();
    this.points = new Uint32Array(this.x.length);
    cell.forEach((one, at) => (this.points[next[one]++] = at));
  }

  /** @param {number} x */
  #column(x) {
    return Math.max(0, Math.min(this.columns - 1, Math.floor((x - this.box.left) / this.size)));
  }

  /** @param {number} y */
  #row(y) {
    return Math.max(0, Math.min(this.rows - 1, Math.floor((y - this.box.top) / this.size)));
  }

  /** The points of all cells that a rectangle touches. @param {number} left @param {number} top @param {number} right
   * @param {number} bottom @param {(at: number) => void} visit */
  visit(left, top, right, bottom, visit) {
    for (let row = this.#row(top); row <= this.#row(bottom); row++) {
      const first = row * this.columns + this.#column(left);
      const last = row * this.columns + this.#column(right);
      for (let place = this.begins[first]; place < this.begins[last + 1]; place++) visit(this.points[place]);
    }
  }

  /** The nearest point that is wanted, at most so far away; -1 if there is none. @param {number} x @param {number} y
   * @param {number} reach @param {(at: number) => boolean} isWanted */
  nearest(x, y, reach, isWanted) {
    let found = -1;
    let best = reach * reach;
    this.visit(x - reach, y - reach, x + reach, y + reach, (at) => {
      const distance = (this.x[at] - x) ** 2 + (this.y[at] - y) ** 2;
      if (distance <= best && isWanted(at)) [found, best] = [at, distance];
    });
    return found;
  }
}

/** @param {Float32Array} x @param {Float32Array} y */
function boxOf(x, y) {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let at = 0; at < x.length; at++) {
    box.left = Math.min(box.left, x[at]);
    box.right = Math.max(box.right, x[at]);
    box.top = Math.min(box.top, y[at]);
    box.bottom = Math.max(box.bottom, y[at]);
  }
  return x.length ? box : { left: -1, top: -1, right: 1, bottom: 1 };
}
