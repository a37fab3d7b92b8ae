// The legend: a box to tick for each class, with how its points look and how many there are.

/** @typedef {import("./classes.js").Class} Class */

const SVG = "http://www.w3.org/2000/svg";
// As stamps.js has them, in a box of 16.
const OUTLINES = [
  "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11",
  "M3.2 3.2h9.6v9.6h-9.6z",
  "M8 1.8l6 11h-12z",
  "M8 1l7 7l-7 7l-7-7z",
  "M8 14.2l-6-11h12z",
];

export class Legend {
  /** @type {boolean[]} */
  shown = [];

  /** @param {HTMLElement} list @param {() => void} changed */
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
    list.addEventListener("change", () => {
      this.shown = this.#boxes().map((box) => box.checked);
      changed();
    });
  }

  #boxes() {
    return /** @type {HTMLInputElement[]} */ ([...this.list.querySelectorAll("input")]);
  }

  /** @param {Class[]} classes @param {(name: string) => string} colour @param {boolean} keeps what is ticked */
  show(classes, colour, keeps) {
    if (!keeps) this.shown = classes.map(() => true);
    this.list.replaceChildren(...classes.map((one, at) => this.#row(one, at, colour)));
  }

  /** @param {Class} one @param {number} at @param {(name: string) => string} colour */
  #row(one, at, colour) {
    const row = document.createElement("li");
    const label = row.appendChild(document.createElement("label"));
    const box = label.appendChild(document.createElement("input"));
    box.type = "checkbox";
    box.checked = this.shown[at];
    label.append(swatch(one, colour), name(one.name), count(one.count));
    return row;
  }

  /** @param {boolean} isShown */
  all(isShown) {
    this.shown = this.shown.map(() => isShown);
    for (const box of this.#boxes()) box.checked = isShown;
    this.changed();
  }
}

/** @param {Class} one @param {(name: string) => string} colour */
function swatch(one, colour) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(SVG, "path"));
  path.setAttribute("d", OUTLINES[one.shape]);
  path.setAttribute("fill", colour(one.colour));
  return svg;
}

/** @param {string} text */
function name(text) {
  const span = document.createElement("span");
  span.className = "map-class";
  span.textContent = text;
  return span;
}

/** @param {number} value */
function count(value) {
  const span = document.createElement("span");
  span.className = "muted";
  span.textContent = value.toLocaleString("en");
  return span;
}
