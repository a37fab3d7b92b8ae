// The shapes of points, as pixels to be put into a picture: what each of them covers, from 0 to 255.

export const SHAPES = 5;

/** @typedef {{x: Int8Array, y: Int8Array, cover: Uint8Array}} Stamp */

// Of a point at 0, 0 with radius 1; each covers about as much as the disc.
/** @type {((x: number, y: number) => boolean)[]} */
const INSIDE = [
  (x, y) => x * x + y * y <= 1,
  (x, y) => Math.abs(x) <= 0.89 && Math.abs(y) <= 0.89,
  (x, y) => y <= 0.85 && y >= -1.15 && Math.abs(x) <= (y + 1.15) * 0.62,
  (x, y) => Math.abs(x) + Math.abs(y) <= 1.25,
  (x, y) => y >= -0.85 && y <= 1.15 && Math.abs(x) <= (1.15 - y) * 0.62,
];
const FINE = 4;

/** @param {number} shape @param {number} radius in pixels @returns {Stamp} */
export function stamp(shape, radius) {
  const reach = Math.ceil(radius * 1.3);
  const found = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const cover = covered(INSIDE[shape], x, y, radius);
      if (cover) found.push([x, y, cover]);
    }
  }
  return {
    x: Int8Array.from(found, ([x]) => x),
    y: Int8Array.from(found, ([, y]) => y),
    cover: Uint8Array.from(found, ([, , cover]) => cover),
  };
}

/** @param {(x: number, y: number) => boolean} inside @param {number} x @param {number} y @param {number} radius */
function covered(inside, x, y, radius) {
  let hits = 0;
  for (let row = 0; row < FINE; row++) {
    for (let column = 0; column < FINE; column++) {
      if (inside((x + (column + 0.5) / FINE - 0.5) / radius, (y + (row + 0.5) / FINE - 0.5) / radius)) hits++;
    }
  }
  return Math.round((255 * hits) / FINE ** 2);
}
