// Sorts points into the classes of a legend: by a label, of which the largest are named, or by disagreement in steps.

import { SHAPES } from "./stamps.js";

/** @typedef {import("./columns.js").Columns} Columns */
/** @typedef {{name: string, count: number, colour: string, shape: number}} Class */
/** @typedef {{classes: Class[], of: Uint16Array[]}} Sorted each map's points' classes, in the maps' order */

// Colour and shape both differ from one to the next, so that so many are told apart, also by those who see
// red and green alike.
const COLOURS = 8;
const MOST_NAMED = COLOURS * SHAPES;
const SHARES = [0.2, 0.4, 0.6, 0.8];

/** @param {Columns[]} maps @param {string} column @returns {Sorted} */
export function byLabel(maps, column) {
  const counts = countedBy(maps, (map, at) => map.names[column][map.columns[column][at]]);
  const known = [...counts.keys()].filter((name) => name);
  const largest = known.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || a.localeCompare(b)).slice(0, MOST_NAMED);
  largest.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  const place = new Map(largest.map((name, at) => [name, at]));
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const named = largest.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
  const bare = counts.get("") ?? 0;
  const classes = largest.map((name, at) => ({
    name,
    count: counts.get(name) ?? 0,
    colour: `--map-${1 + (at % COLOURS)}`,
    shape: at % SHAPES,
  }));
  if (total - named - bare) classes.push(other(`${known.length - largest.length} others`, total - named - bare));
  const others = classes.length - 1;
  if (bare) classes.push(other("not labelled", bare));
  const of = maps.map((map) => {
    const codes = map.names[column].map((name) => (name ? (place.get(name) ?? others) : classes.length - 1));
    return Uint16Array.from(map.columns[column], (code) => codes[code]);
  });
  return { classes, of };
}

/** In fifths of the faces that have a value. @param {Columns[]} maps @param {Map<number, number>} values by face
 * @returns {Sorted} */
export function byDisagreement(maps, values) {
  const ends = endsOf(maps, values);
  /** @param {Columns} map @param {number} at */
  const step = (map, at) => {
    const value = values.get(map.columns.face[at]);
    if (value === undefined) return ends.length + 1;
    const found = ends.findIndex((end) => value < end);
    return found < 0 ? ends.length : found;
  };
  const counts = countedBy(maps, step);
  const words = ends.map((end) => end.toFixed(2));
  const names = words.length ? [`below ${words[0]}`, ...words.slice(1).map((end, at) => `${words[at]} to ${end}`), `${words[words.length - 1]} and more`] : ["any"];
  const classes = names.map((name, at) => ({ name, count: counts.get(at) ?? 0, colour: `--map-step-${at + 1}`, shape: 0 }));
  classes.push(other("too few answers", counts.get(names.length) ?? 0));
  return { classes, of: maps.map((map) => Uint16Array.from({ length: map.n }, (_, at) => step(map, at))) };
}

/** Where one step ends and the next begins, to two digits, each once. @param {Columns[]} maps
 * @param {Map<number, number>} values */
function endsOf(maps, values) {
  const faces = new Set(maps.flatMap((map) => [...map.columns.face]));
  const sorted = Float64Array.from([...values].filter(([face]) => faces.has(face)), ([, value]) => value).sort();
  if (!sorted.length) return [];
  const ends = SHARES.map((share) => Math.round(100 * sorted[Math.floor(share * sorted.length)]) / 100);
  return [...new Set(ends)].filter((end) => end > sorted[0]);
}

/** How many faces of all maps together, each once. @template K @param {Columns[]} maps
 * @param {(map: Columns, at: number) => K} key @returns {Map<K, number>} */
function countedBy(maps, key) {
  const seen = new Set();
  const counts = new Map();
  for (const map of maps) {
    for (let at = 0; at < map.n; at++) {
      const face = map.columns.face[at];
      if (maps.length > 1) {
        if (seen.has(face)) continue;
        seen.add(face);
      }
      const of = key(map, at);
      counts.set(of, (counts.get(of) ?? 0) + 1);
    }
  }
  return counts;
}

/** @param {string} name @param {number} count @returns {Class} */
const other = (name, count) => ({ name, count, colour: "--map-other", shape: 0 });
