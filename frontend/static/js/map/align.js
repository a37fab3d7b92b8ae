// Turns, and where need be mirrors, a second map so that the faces of both lie as near to each other as they can: which
// way is up means nothing on either.

/** @typedef {import("./columns.js").Columns} Columns */

/** @param {Columns} first @param {Columns} second whose x and y are changed */
export function align(first, second) {
  const place = new Map(Array.from(first.columns.face, (face, at) => [face, at]));
  const [x, y] = [/** @type {Float32Array} */ (second.columns.x), /** @type {Float32Array} */ (second.columns.y)];
  let [along, across, mirroredAlong, mirroredAcross] = [0, 0, 0, 0];
  for (let at = 0; at < second.n; at++) {
    const other = place.get(second.columns.face[at]);
    if (other === undefined) continue;
    const [x1, y1] = [first.columns.x[other], first.columns.y[other]];
    along += x[at] * x1 + y[at] * y1;
    across += x[at] * y1 - y[at] * x1;
    mirroredAlong += x[at] * x1 - y[at] * y1;
    mirroredAcross += x[at] * y1 + y[at] * x1;
  }
  const isMirrored = Math.hypot(mirroredAlong, mirroredAcross) > Math.hypot(along, across);
  const angle = isMirrored ? Math.atan2(mirroredAcross, mirroredAlong) : Math.atan2(across, along);
  const [cos, sin, up] = [Math.cos(angle), Math.sin(angle), isMirrored ? -1 : 1];
  for (let at = 0; at < second.n; at++) {
    [x[at], y[at]] = [x[at] * cos - up * y[at] * sin, x[at] * sin + up * y[at] * cos];
  }
}
