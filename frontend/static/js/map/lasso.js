// Which points lie within a line that was drawn around them.

/** @typedef {[number, number]} Place */
/** @typedef {import("./grid.js").Grid} Grid */

/** @param {Grid} grid @param {Place[]} line in the grid's own units @returns {number[]} */
export function within(grid, line) {
  const xs = line.map(([x]) => x);
  const ys = line.map(([, y]) => y);
  /** @type {number[]} */
  const found = [];
  grid.visit(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (at) => {
    if (isWithin(grid.x[at], grid.y[at], line)) found.push(at);
  });
  return found;
}

/** Whether a ray from there crosses the line an odd number of times. @param {number} x @param {number} y
 * @param {Place[]} line */
function isWithin(x, y, line) {
  let inside = false;
  for (let now = 0, last = line.length - 1; now < line.length; last = now++) {
    const [x1, y1] = line[now];
    const [x2, y2] = line[last];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}
