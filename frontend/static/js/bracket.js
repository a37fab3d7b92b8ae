// A group's page: pointing at a face, or choosing a candidate or a pair, shows in every bracket who stands
// below it and by how many answers. Whatever it shows stands on the page in words too.

/**
 * @typedef {[loser: number, chain: number, matches: number[]]} Below
 * @typedef {{below: Record<string, Record<string, Below[]>>, pairs: Record<string, {slots: number[], matches: number[]}>}} Links
 * @typedef {{slot: number} | {pair: string}} Shown
 */

const SHOWN = ["is-chosen", "is-below", "is-way"];
const AWAY = 14;
// Time to move the pointer onto the card.
const LINGER_MS = 250;

/** @type {Links} */
const links = JSON.parse(document.getElementById("bracket-links")?.textContent ?? "{}");
const trees = /** @type {SVGElement[]} */ ([...document.querySelectorAll("svg.bracket")]);
const card = /** @type {HTMLElement} */ (document.getElementById("bracket-card"));
/** What stays shown after the pointer has left. @type {Shown | undefined} */
let kept;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;

document.documentElement.classList.add("js");

/** @param {Shown | undefined} shown */
function show(shown) {
  for (const node of document.querySelectorAll(SHOWN.map((name) => `.${name}`).join())) node.classList.remove(...SHOWN);
  for (const text of document.querySelectorAll(".bracket .chain")) text.textContent = "";
  for (const tree of trees) {
    tree.classList.toggle("is-showing", shown !== undefined);
    if (shown) "slot" in shown ? showSlot(tree, shown.slot) : showPair(tree, shown.pair);
  }
  for (const button of document.querySelectorAll("[data-pick], [data-pair]")) button.classList.toggle("is-chosen", isOf(button, shown));
}

/** @param {SVGElement} tree @param {number} slot */
function showSlot(tree, slot) {
  mark(tree, `.place[data-slot="${slot}"]`, "is-chosen");
  for (const [loser, chain, matches] of links.below[tree.dataset.repetition ?? ""]?.[slot] ?? []) {
    mark(tree, `.place[data-slot="${loser}"]`, "is-below");
    for (const match of matches) mark(tree, `.way[data-match="${match}"]`, "is-way");
    // Once a tree, at its first place.
    const text = tree.querySelector(`.place[data-slot="${loser}"] .chain`);
    if (text) text.textContent = String(chain);
  }
}

/** @param {SVGElement} tree @param {string} pair */
function showPair(tree, pair) {
  const { slots, matches } = links.pairs[pair];
  for (const slot of slots) mark(tree, `.place[data-slot="${slot}"]`, "is-chosen");
  for (const match of matches) mark(tree, `.way[data-match="${match}"]`, "is-way");
}

/** @param {Element} tree @param {string} selector @param {string} name */
function mark(tree, selector, name) {
  for (const node of tree.querySelectorAll(selector)) node.classList.add(name);
}

/** @param {Element} button @param {Shown | undefined} shown */
function isOf(button, shown) {
  const { pick, pair } = /** @type {HTMLElement} */ (button).dataset;
  return shown !== undefined && ("slot" in shown ? pick === String(shown.slot) : pair === shown.pair);
}

/** What an element stands for. @param {EventTarget | null} target @returns {{shown?: Shown, node: HTMLElement} | undefined} */
function pointedAt(target) {
  const node = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target)?.closest?.("[data-pick], [data-pair], .place[data-match], .place[data-slot]"));
  if (!node) return undefined;
  const { pick, pair, slot } = node.dataset;
  if (pair !== undefined) return { node, shown: { pair } };
  const number = pick ?? slot;
  return { node, shown: number === undefined ? undefined : { slot: Number(number) } };
}

/** Copies of what the page says of the element. @param {HTMLElement} node */
function fillCard(node) {
  const { pick, slot, match } = node.dataset;
  card.replaceChildren();
  for (const name of [`match-${match}`, `slot-${pick ?? slot}`]) {
    const source = document.querySelector(`[data-card="${name}"]`);
    if (!source) continue;
    const copy = document.createElement("div");
    copy.className = name.startsWith("slot") ? "story" : "match";
    copy.append(...[...source.childNodes].map((child) => child.cloneNode(true)));
    for (const part of copy.querySelectorAll("[id]")) part.removeAttribute("id");
    for (const picture of copy.querySelectorAll("img")) picture.loading = "eager";
    card.append(copy);
  }
  card.hidden = !card.childElementCount;
}

/** Beside the element, within the window. @param {HTMLElement} node */
function placeCard(node) {
  const at = node.getBoundingClientRect();
  const { width, height } = card.getBoundingClientRect();
  const right = at.right + AWAY;
  const left = right + width < innerWidth ? right : at.left - AWAY - width;
  const beside = left > 0 ? left : Math.max(8, Math.min(at.left, innerWidth - width - 8));
  const top = left > 0 ? at.top : at.bottom + AWAY;
  card.style.left = `${beside}px`;
  card.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
}

/** @param {Event} event */
function point(event) {
  const found = pointedAt(event.target);
  clearTimeout(leaving);
  if (card.contains(/** @type {Node} */ (event.target))) return;
  if (!found) {
    leaving = setTimeout(leave, LINGER_MS);
    return;
  }
  show(found.shown ?? kept);
  fillCard(found.node);
  if (!card.hidden) placeCard(found.node);
}

/** @param {Shown | undefined} shown Chosen again, it is let go. */
function keep(shown) {
  kept = JSON.stringify(kept) === JSON.stringify(shown) ? undefined : shown;
  for (const button of document.querySelectorAll("[data-pick], [data-pair]")) button.setAttribute("aria-pressed", String(isOf(button, kept)));
  show(kept);
}

function leave() {
  card.hidden = true;
  show(kept);
}

document.addEventListener("pointerover", (event) => event.pointerType !== "touch" && point(event));
document.documentElement.addEventListener("pointerleave", leave);
document.addEventListener("focusin", (event) => /** @type {Element} */ (event.target).matches(":focus-visible") && point(event));
document.addEventListener("focusout", leave);
document.addEventListener("scroll", () => (card.hidden = true), { capture: true, passive: true });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  keep(undefined);
  card.hidden = true;
});
document.addEventListener("click", (event) => {
  const found = pointedAt(event.target);
  if (found?.shown) keep(found.shown);
  if (found) point(event);
});

// A link to one contradictory pair shows it.
const linked = document.querySelector(`[id="${CSS.escape(location.hash.slice(1))}"] [data-pair]`);
if (linked) keep({ pair: /** @type {HTMLElement} */ (linked).dataset.pair ?? "" });
