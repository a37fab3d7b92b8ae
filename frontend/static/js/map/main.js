// The page of a map, or of two beside each other: what is pointed at and selected is so on both.

import { align } from "./align.js";
import { Card } from "./card.js";
import { byDisagreement, byLabel } from "./classes.js";
import { load } from "./columns.js";
import { Legend } from "./legend.js";
import { Panel } from "./panel.js";

/** @typedef {import("./classes.js").Sorted} Sorted */

const MOST_TOLD = 5;
const atlas = /** @type {HTMLElement} */ (document.getElementById("atlas"));
/** @param {string} name @returns {HTMLElement} */
const part = (name) => /** @type {HTMLElement} */ (atlas.querySelector(`[data-${name}]`));
const colour = (/** @type {string} */ name) => getComputedStyle(atlas).getPropertyValue(name).trim();
const colourBy = /** @type {HTMLSelectElement} */ (part("colour-by"));
const legend = new Legend(part("legend"), mark);

/** @type {Panel[]} */
const panels = [];
/** @type {Card[]} */
const cards = [];
/** @type {Set<number>} */
const chosen = new Set();
/** @type {Sorted} */
let sorted = { classes: [], of: [] };
/** @type {Map<number, number> | undefined} */
let disagreement;
/** @type {{panel: Panel, at: number} | undefined} */
let pinned;

/** @param {Panel} panel @param {number} at @param {"hover" | "keys" | "click"} how */
function point(panel, at, how) {
  if (how === "hover" && pinned) return;
  pinned = how !== "hover" && at >= 0 ? { panel, at } : undefined;
  const face = at < 0 ? undefined : panel.data.columns.face[at];
  for (const [place, one] of panels.entries()) {
    one.light(face === undefined ? -1 : one === panel ? at : one.data.columns.face.indexOf(face));
    if (one !== panel || at < 0) cards[place].hide();
  }
  if (at < 0) return;
  const said = saidOf(panel, at);
  cards[panels.indexOf(panel)].show(said, panel.pixelOf(at), how !== "hover");
  if (how !== "hover") part("say").textContent = [...said.lines, chosen.has(said.face) ? "selected" : ""].filter(Boolean).join(", ");
}

/** @param {Panel} panel @param {number} at */
function saidOf(panel, at) {
  const { columns, names } = panel.data;
  const face = columns.face[at];
  const lines = [
    names.expression[columns.expression[at]] || "no label",
    names.identity[columns.identity[at]],
    `${names.dataset[columns.dataset[at]]}, ${names.split[columns.split[at]]}`,
  ];
  const value = disagreement?.get(face);
  if (value !== undefined) lines.push(`disagreement ${value.toFixed(2)}`);
  const address = (/** @type {string} */ of) => (atlas.dataset[of] ?? "").replace("/0/", `/${face}/`);
  return { face, lines: lines.filter(Boolean), address: address("face"), crop: address("crop") };
}

const listener = {
  point,
  /** @param {Panel} panel @param {number[]} points */
  choose(panel, points) {
    for (const at of points) chosen.add(panel.data.columns.face[at]);
    mark();
  },
  /** @param {Panel} panel @param {number} at */
  toggle(panel, at) {
    const face = panel.data.columns.face[at];
    if (!chosen.delete(face)) chosen.add(face);
    mark();
    point(panel, at, "keys");
  },
  /** @param {Panel} panel @param {number} at */
  open(panel, at) {
    location.assign(saidOf(panel, at).address);
  },
  /** The map may have moved under the card. @param {Panel} panel */
  drawn(panel) {
    if (!pinned) point(panel, -1, "hover");
    else if (pinned.panel === panel) cards[panels.indexOf(panel)].show(saidOf(panel, pinned.at), panel.pixelOf(pinned.at), true);
  },
};

function mark() {
  for (const panel of panels) panel.mark(legend.shown, chosen);
  tell();
}

/** Says what is selected, and hands it to the form. */
function tell() {
  const form = /** @type {HTMLFormElement} */ (part("keep"));
  /** @type {HTMLInputElement} */ (form.elements.namedItem("faces")).value = [...chosen].join(",");
  for (const control of atlas.querySelectorAll("[data-needs-some]")) /** @type {HTMLButtonElement} */ (control).disabled = !chosen.size;
  const counts = new Map();
  const seen = new Set();
  panels.forEach((panel, place) => {
    for (let at = 0; at < panel.data.n; at++) {
      const face = panel.data.columns.face[at];
      if (!chosen.has(face) || seen.has(face)) continue;
      seen.add(face);
      const of = sorted.of[place][at];
      counts.set(of, (counts.get(of) ?? 0) + 1);
    }
  });
  const most = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const words = most.slice(0, MOST_TOLD).map(([of, count]) => `${sorted.classes[of].name} ${count.toLocaleString("en")}`);
  if (most.length > MOST_TOLD) words.push(`${most.length - MOST_TOLD} more classes`);
  part("selected").textContent = chosen.size
    ? `${chosen.size.toLocaleString("en")} face${chosen.size > 1 ? "s" : ""} selected: ${words.join(", ")}`
    : "No face is selected.";
}

async function recolour(keeps = false) {
  const maps = panels.map((panel) => panel.data);
  const by = colourBy.value;
  try {
    if (by === "disagreement" && !disagreement) disagreement = await loadDisagreement();
  } catch {
    fail("The disagreement did not come. The map is as it was: choose the colour again in a moment.");
    return;
  }
  part("about-disagreement").hidden = by !== "disagreement";
  sorted = by === "disagreement" ? byDisagreement(maps, disagreement ?? new Map()) : byLabel(maps, by);
  legend.show(sorted.classes, colour, keeps);
  panels.forEach((panel, place) => panel.paint(sorted.of[place], sorted.classes, colour));
  mark();
}

async function loadDisagreement() {
  /** @type {Map<number, number>} */
  const values = new Map();
  for (const root of atlas.querySelectorAll("[data-map]")) {
    const { n, columns } = await load(/** @type {HTMLElement} */ (root).dataset.disagreement ?? "");
    for (let at = 0; at < n; at++) values.set(columns.face[at], columns.disagreement[at]);
  }
  return values;
}

/** @param {string} words */
function fail(words) {
  const note = part("failed");
  note.textContent = words;
  note.hidden = false;
}

function listen() {
  colourBy.addEventListener("change", () => recolour());
  // A theme that changes changes every colour.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => recolour(true));
  const does = {
    in: () => panels.forEach((panel) => panel.zoom(1.4)),
    out: () => panels.forEach((panel) => panel.zoom(1 / 1.4)),
    whole: () => panels.forEach((panel) => panel.whole()),
    sight: () => panels.forEach((panel) => listener.choose(panel, panel.inSight())),
    clear: () => (chosen.clear(), mark()),
    every: () => legend.all(true),
    none: () => legend.all(false),
    move: () => lasso(false),
    lasso: () => lasso(true),
  };
  atlas.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-do]") : null;
    const name = /** @type {keyof typeof does} */ (/** @type {HTMLElement | null} */ (button)?.dataset.do ?? "");
    does[name]?.();
  });
}

/** @param {boolean} isOn */
function lasso(isOn) {
  for (const panel of panels) panel.gestures.isLasso = isOn;
  for (const name of ["move", "lasso"]) {
    atlas.querySelector(`[data-do="${name}"]`)?.setAttribute("aria-pressed", String((name === "lasso") === isOn));
  }
  atlas.classList.toggle("is-lasso", isOn);
}

async function begin() {
  const roots = /** @type {HTMLElement[]} */ ([...atlas.querySelectorAll("[data-map]")]);
  try {
    const all = await Promise.all(roots.map((root) => load(root.dataset.map ?? "")));
    if (all.length > 1) align(all[0], all[1]);
    roots.forEach((root, place) => {
      root.setAttribute("data-ready", "");
      cards.push(new Card(/** @type {HTMLElement} */ (root.querySelector("[data-card]")), root));
      panels.push(new Panel(root, all[place], listener));
    });
  } catch {
    fail("The points did not come: the connection is lost, or you are logged out. Reload the page.");
    return;
  } finally {
    part("loading").hidden = true;
  }
  listen();
  lasso(false);
  await recolour();
  atlas.dataset.ready = "";
}

begin();
