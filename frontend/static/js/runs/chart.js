// Says the values of a chart where the pointer is, or where the keys have led: its cursor is a native slider, so that
// arrow keys, a finger and a screen reader all know it. Values stand in words in the chart's own attributes.

const SEPARATOR = ";";
// A line says nothing so far (in the chart's units) from its nearest point.
const NEAR = 14;

// Where the cursor of each stands, in the axis's words: its place moves as the axis grows.
/** @type {WeakMap<Element, string>} */
const cursors = new WeakMap();

/** @typedef {{name: string, places: [number, number][], xs: string[], ys: string[]}} Line */

/** @param {Element} box @returns {Line[]} */
function linesOf(box) {
  return [...box.querySelectorAll("polyline")].map((line) => ({
    name: line.dataset.name ?? "",
    places: (line.getAttribute("points") ?? "").split(" ").map((pair) => /** @type {[number, number]} */ (pair.split(",").map(Number))),
    xs: (line.dataset.xs ?? "").split(SEPARATOR),
    ys: (line.dataset.ys ?? "").split(SEPARATOR),
  }));
}

/** @param {Line} line @param {number} x @returns {number} which of its points is nearest */
function nearest(line, x) {
  let best = 0;
  line.places.forEach(([place], at) => {
    if (Math.abs(place - x) <= Math.abs(line.places[best][0] - x)) best = at;
  });
  return best;
}

/** All places along the axis at which a line has a point, in order. @param {Line[]} lines */
function stops(lines) {
  return [...new Set(lines.flatMap((line) => line.places.map(([x]) => x)))].sort((a, b) => a - b);
}

/** @param {Line[]} lines @param {string} where @returns {number} */
function placeOf(lines, where) {
  const line = lines.find(({ xs }) => xs.includes(where));
  return line ? line.places[line.xs.indexOf(where)][0] : Infinity;
}

/** @param {HTMLElement} box @param {number} x in the chart's units */
function pointAt(box, x) {
  const lines = linesOf(box);
  const all = stops(lines);
  const wanted = Math.min(x, all[all.length - 1]);
  const place = all.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best), all[0]);
  const said = [];
  let where = "";
  for (const line of lines) {
    const at = nearest(line, place);
    if (Math.abs(line.places[at][0] - place) > NEAR) continue;
    if (line.places[at][0] === place) where = line.xs[at];
    said.push(lines.length > 1 || line.name ? `${line.name} ${line.ys[at]}` : line.ys[at]);
  }
  const words = `${box.dataset.x} ${where}: ${said.join(", ")}`;
  const cursor = /** @type {SVGLineElement} */ (box.querySelector(".cursor"));
  cursor.setAttribute("x1", String(place));
  cursor.setAttribute("x2", String(place));
  cursor.removeAttribute("visibility");
  reading(box).textContent = words;
  const slider = sliderOf(box);
  slider.max = String(all.length - 1);
  slider.value = String(all.indexOf(place));
  slider.setAttribute("aria-valuetext", words);
  cursors.set(box, where);
}

/** @param {HTMLElement} box */
function leave(box) {
  cursors.delete(box);
  box.querySelector(".cursor")?.setAttribute("visibility", "hidden");
  rest(box);
}

/** What it says while nobody points at it: the newest values. @param {HTMLElement} box */
function rest(box) {
  const all = stops(linesOf(box));
  const slider = sliderOf(box);
  slider.max = slider.value = String(all.length - 1);
  const latest = box.querySelector("svg.chart")?.getAttribute("aria-label") ?? "";
  slider.setAttribute("aria-valuetext", latest);
  reading(box).textContent = latest.slice(latest.indexOf("at last"));
}

/** @param {Element} box */
const sliderOf = (box) => /** @type {HTMLInputElement} */ (box.querySelector("input"));
/** @param {Element} box */
const reading = (box) => /** @type {HTMLElement} */ (box.querySelector(".chart-reading"));
/** @param {EventTarget | null} target @returns {HTMLElement | null} */
const boxOf = (target) => (target instanceof Element ? target.closest("[data-chart]") : null);
/** @returns {HTMLElement[]} */
const boxes = () => [...document.querySelectorAll("[data-chart]")].map((box) => /** @type {HTMLElement} */ (box));

document.addEventListener("pointermove", (event) => {
  const box = boxOf(event.target);
  for (const other of boxes()) if (other !== box && cursors.has(other) && !other.contains(document.activeElement)) leave(other);
  const svg = box?.querySelector("svg.chart");
  if (!box || !svg) return;
  const { left, width } = svg.getBoundingClientRect();
  pointAt(box, ((event.clientX - left) / width) * /** @type {SVGSVGElement} */ (svg).viewBox.baseVal.width);
});
document.addEventListener("input", (event) => {
  const box = boxOf(event.target);
  if (box) pointAt(box, stops(linesOf(box))[Number(sliderOf(box).value)]);
});
document.addEventListener("focusin", (event) => {
  const box = boxOf(event.target);
  if (box) pointAt(box, Infinity);
});
document.addEventListener("focusout", (event) => {
  const box = boxOf(event.target);
  if (box) leave(box);
});

function refresh() {
  for (const box of boxes()) {
    sliderOf(box).hidden = false;
    const where = cursors.get(box);
    if (where === undefined) rest(box);
    else pointAt(box, placeOf(linesOf(box), where));
  }
}

document.addEventListener("live", refresh);
refresh();
