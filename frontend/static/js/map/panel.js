// One map on the page: draws its points, moves and zooms, and tells which point somebody points at or draws around.
// What is selected, which classes are shown and what the points look like main.js says.

import { Grid } from "./grid.js";
import { Gestures } from "./gestures.js";
import { within } from "./lasso.js";
import { Raster, pixel } from "./raster.js";
import { SHAPES, stamp } from "./stamps.js";

/** @typedef {import("./columns.js").Columns} Columns */
/** @typedef {import("./classes.js").Class} Class */
/** @typedef {{point: (panel: Panel, at: number, how: "hover" | "keys" | "click") => void, choose: (panel: Panel, points: number[]) => void,
 *   toggle: (panel: Panel, at: number) => void, open: (panel: Panel, at: number) => void,
 *   drawn: (panel: Panel) => void}} Listener */

export const HIDDEN = 0;
const DIM = 1;
const PLAIN = 2;
const CHOSEN = 3;
const DIM_STRENGTH = 70;
const MOST_RATIO = 2;
const MARGIN = 0.06;
const ZOOM_STEP = 1.4;
const NEAR_PX = 14;
// On a narrower map points are smaller.
const WIDE_PX = 700;
const PAN_PX = 60;

export class Panel {
  /** @param {HTMLElement} root @param {Columns} data @param {Listener} listener */
  constructor(root, data, listener) {
    this.root = root;
    this.data = data;
    this.listener = listener;
    this.grid = new Grid(/** @type {Float32Array} */ (data.columns.x), /** @type {Float32Array} */ (data.columns.y));
    this.canvas = /** @type {HTMLCanvasElement} */ (root.querySelector("canvas[data-points]"));
    this.over = /** @type {HTMLCanvasElement} */ (root.querySelector("canvas[data-over]"));
    this.raster = new Raster(/** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false })));
    this.ink = /** @type {CanvasRenderingContext2D} */ (this.over.getContext("2d"));
    this.lit = -1;
    this.state = new Uint8Array(data.n).fill(PLAIN);
    this.of = new Uint16Array(data.n);
    /** @type {number[]} */
    this.colours = [];
    /** @type {number[]} */
    this.shapes = [];
    /** @type {[number, number][]} */
    this.line = [];
    this.gestures = new Gestures(this);
    new ResizeObserver(() => this.#fitTo()).observe(this.over);
    this.#fitTo();
    this.whole();
  }

  #fitTo() {
    const { clientWidth, clientHeight } = this.over;
    if (!clientWidth) return;
    this.ratio = Math.min(devicePixelRatio || 1, MOST_RATIO);
    const [width, height] = [Math.round(clientWidth * this.ratio), Math.round(clientHeight * this.ratio)];
    for (const canvas of [this.canvas, this.over]) [canvas.width, canvas.height] = [width, height];
    this.raster.resize(width, height);
    if (this.isWhole) this.whole();
    this.draw();
  }

  /** Zooms out to all of the map. */
  whole() {
    const { left, top, right, bottom } = this.grid.box;
    const room = 1 - 2 * MARGIN;
    this.fit = room * Math.min(this.over.clientWidth / Math.max(right - left, 1e-9), this.over.clientHeight / Math.max(bottom - top, 1e-9));
    this.scale = this.fit;
    this.x = (left + right) / 2;
    this.y = (top + bottom) / 2;
    this.isWhole = true;
    this.draw();
  }

  /** @param {number} factor @param {number} [px] @param {number} [py] what stays where it is */
  zoom(factor, px = this.over.clientWidth / 2, py = this.over.clientHeight / 2) {
    const [x, y] = this.placeAt(px, py);
    this.scale = Math.max(this.fit / 2, Math.min(this.fit * 400, this.scale * factor));
    this.x = x - (px - this.over.clientWidth / 2) / this.scale;
    this.y = y - (py - this.over.clientHeight / 2) / this.scale;
    this.isWhole = false;
    this.draw();
  }

  /** @param {number} px @param {number} py by so many pixels of the page */
  move(px, py) {
    this.x -= px / this.scale;
    this.y -= py / this.scale;
    this.isWhole = false;
    this.draw();
  }

  /** The map's place under a pixel of the page. @param {number} px @param {number} py @returns {[number, number]} */
  placeAt(px, py) {
    return [this.x + (px - this.over.clientWidth / 2) / this.scale, this.y + (py - this.over.clientHeight / 2) / this.scale];
  }

  /** @param {number} at @returns {[number, number]} the page's pixel of a point */
  pixelOf(at) {
    const { x, y } = this.data.columns;
    return [this.over.clientWidth / 2 + (x[at] - this.x) * this.scale, this.over.clientHeight / 2 + (y[at] - this.y) * this.scale];
  }

  /** @param {number} px @param {number} py @param {number} [reach] @returns {number} */
  pointNear(px, py, reach = NEAR_PX) {
    const [x, y] = this.placeAt(px, py);
    return this.grid.nearest(x, y, reach / this.scale, (at) => this.state[at] !== HIDDEN);
  }

  /** The points in sight, of the classes shown. @returns {number[]} */
  inSight() {
    const [left, top] = this.placeAt(0, 0);
    const [right, bottom] = this.placeAt(this.over.clientWidth, this.over.clientHeight);
    const { x, y } = this.data.columns;
    /** @type {number[]} */
    const found = [];
    this.grid.visit(left, top, right, bottom, (at) => {
      if (this.state[at] && x[at] >= left && x[at] <= right && y[at] >= top && y[at] <= bottom) found.push(at);
    });
    return found;
  }

  /** @param {[number, number][]} line in pixels of the page */
  choose(line) {
    const places = line.map(([px, py]) => this.placeAt(px, py));
    this.listener.choose(this, within(this.grid, places).filter((at) => this.state[at] !== HIDDEN));
  }

  /** What the points look like from now on. @param {Uint16Array} of each point's class @param {Class[]} classes
   * @param {(name: string) => string} colour */
  paint(of, classes, colour) {
    this.of = of;
    this.colours = classes.map((one) => pixel(colour(one.colour)));
    this.shapes = classes.map((one) => one.shape);
    this.background = pixel(colour("--map-ground"));
    this.edge = pixel(colour("--map-ink"));
    this.inkColour = colour("--map-ink");
    this.draw();
  }

  /** @param {boolean[]} shown which classes are @param {Set<number>} chosen faces */
  mark(shown, chosen) {
    const { face } = this.data.columns;
    for (let at = 0; at < this.data.n; at++) {
      this.state[at] = !shown[this.of[at]] ? HIDDEN : !chosen.size ? PLAIN : chosen.has(face[at]) ? CHOSEN : DIM;
    }
    this.draw();
  }

  /** Puts a ring around a point; -1 takes it away. @param {number} at */
  light(at) {
    this.lit = at;
    this.#drawOver();
  }

  /** @param {[number, number][]} line */
  showLine(line) {
    this.line = line;
    this.#drawOver();
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.#drawPoints();
      this.#drawOver();
      this.listener.drawn(this);
    });
  }

  /** Points are larger where there are few of them, or much room, and grow a little as one comes near. */
  #radius() {
    const room = Math.min(1, Math.sqrt(this.over.clientWidth / WIDE_PX));
    const base = Math.max(1.1, room * Math.min(4, 26 / Math.max(this.data.n, 1) ** 0.28));
    return base * Math.min(2.5, Math.max(1, this.scale / this.fit) ** 0.3) * (this.ratio ?? 1);
  }

  #drawPoints() {
    if (!this.colours.length || !this.raster.width) return;
    const radius = this.#radius();
    const stamps = Array.from({ length: SHAPES }, (_, shape) => stamp(shape, radius));
    const edges = Array.from({ length: SHAPES }, (_, shape) => stamp(shape, radius + 1.5 * (this.ratio ?? 1)));
    this.raster.clear(this.background ?? 0);
    this.#layer(DIM, stamps, DIM_STRENGTH);
    this.#layer(PLAIN, stamps, 235);
    this.#layer(CHOSEN, edges, 256, this.edge);
    this.#layer(CHOSEN, stamps, 256);
    this.raster.show();
  }

  /** @param {number} which @param {import("./stamps.js").Stamp[]} stamps @param {number} strength @param {number} [only] a colour */
  #layer(which, stamps, strength, only) {
    const { x, y } = this.data.columns;
    const ratio = this.ratio ?? 1;
    const scale = this.scale * ratio;
    const left = this.raster.width / 2 - this.x * scale;
    const top = this.raster.height / 2 - this.y * scale;
    for (let at = 0; at < this.data.n; at++) {
      if (this.state[at] !== which) continue;
      const px = Math.round(left + x[at] * scale);
      const py = Math.round(top + y[at] * scale);
      if (px < -20 || py < -20 || px > this.raster.width + 20 || py > this.raster.height + 20) continue;
      const of = this.of[at];
      this.raster.put(stamps[this.shapes[of]], px, py, only ?? this.colours[of], strength);
    }
  }

  #drawOver() {
    const { ink } = this;
    const ratio = this.ratio ?? 1;
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, this.over.clientWidth, this.over.clientHeight);
    ink.strokeStyle = this.inkColour ?? "#888888";
    ink.lineWidth = 2;
    if (this.lit >= 0) {
      const [px, py] = this.pixelOf(this.lit);
      ink.beginPath();
      ink.arc(px, py, this.#radius() / ratio + 5, 0, 2 * Math.PI);
      ink.stroke();
    }
    if (this.line.length > 1) {
      ink.beginPath();
      this.line.forEach(([px, py]) => ink.lineTo(px, py));
      ink.closePath();
      ink.setLineDash([6, 4]);
      ink.stroke();
      ink.setLineDash([]);
    }
  }

  /** Keys on the map. @param {KeyboardEvent} event @returns {boolean} whether it was one of ours */
  press(event) {
    const way = WAYS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (way && event.shiftKey) this.move(-way[0] * PAN_PX, -way[1] * PAN_PX);
    else if (way) this.#step(way);
    else if (event.key === "+" || event.key === "=") this.zoom(ZOOM_STEP, ...this.#centre());
    else if (event.key === "-") this.zoom(1 / ZOOM_STEP, ...this.#centre());
    else if (event.key === "0") this.whole();
    else if (event.key === " " && this.lit >= 0) this.listener.toggle(this, this.lit);
    else if (event.key === "Enter" && this.lit >= 0) this.listener.open(this, this.lit);
    else if (event.key === "Escape") this.listener.point(this, -1, "keys");
    else return false;
    return true;
  }

  /** @returns {[number, number]} */
  #centre() {
    return this.lit >= 0 ? this.pixelOf(this.lit) : [this.over.clientWidth / 2, this.over.clientHeight / 2];
  }

  /** To the nearest point in this direction; at first, to the one in the middle. @param {[number, number]} way */
  #step([right, down]) {
    const [fromX, fromY] = this.#centre();
    let found = -1;
    let best = Infinity;
    for (let at = 0; at < this.data.n; at++) {
      if (this.state[at] === HIDDEN || at === this.lit) continue;
      const [px, py] = this.pixelOf(at);
      const ahead = (px - fromX) * right + (py - fromY) * down;
      const aside = Math.abs((px - fromX) * down + (py - fromY) * right);
      const far = this.lit < 0 ? Math.hypot(px - fromX, py - fromY) : ahead + 2 * aside;
      if ((this.lit < 0 || (ahead > 0.5 && aside <= ahead)) && far < best) [found, best] = [at, far];
    }
    if (found >= 0) this.reveal(found);
    if (found >= 0) this.listener.point(this, found, "keys");
  }

  /** Moves the map just so far that the point is in sight. @param {number} at */
  reveal(at) {
    const [px, py] = this.pixelOf(at);
    const away = (/** @type {number} */ place, /** @type {number} */ size) => Math.min(0, size - 30 - place) + Math.max(0, 30 - place);
    const [dx, dy] = [away(px, this.over.clientWidth), away(py, this.over.clientHeight)];
    if (dx || dy) this.move(dx, dy);
  }
}

/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
