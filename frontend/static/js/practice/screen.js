// Puts the comparisons of practice and qualification, and what others answered, on the screen.

import { picture } from "../compare/pictures.js";
import { Stopwatch } from "../compare/stopwatch.js";

/** @typedef {import("../compare/api.js").Comparison} Comparison */

/** Whoever answers sooner than this means the comparison before. As on the compare page. */
const SETTLE_MS = 200;
const PLACES = /** @type {const} */ (["anchor", "left", "right"]);

export class Screen {
  #stopwatch = new Stopwatch();
  /** @type {HTMLElement | null} what had the focus before she was told how others answered */
  #before = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.stage = find(root, ".stage");
    this.board = find(root, ".board");
    this.feedback = /** @type {HTMLElement | null} */ (root.querySelector(".feedback"));
    this.answers = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-answer]")]);
    this.texts = /** @type {HTMLTemplateElement} */ (find(root, "#texts")).content;
  }

  /** For how long the pictures have been visible, or null where it is too soon to answer. */
  get responseMs() {
    const milliseconds = this.#stopwatch.milliseconds;
    return milliseconds < SETTLE_MS ? null : milliseconds;
  }

  /** Show a comparison once its pictures are there. @param {Comparison} comparison @param {number} number */
  async show(comparison, number) {
    const images = await load(comparison);
    for (const mark of this.root.querySelectorAll(".chosen, .is-nearer")) mark.classList.remove("chosen", "is-nearer");
    if (this.feedback && !this.feedback.hidden) {
      this.#before?.focus({ preventScroll: true });
      this.feedback.hidden = true;
    }
    for (const [index, place] of PLACES.entries()) {
      const frame = find(this.board, `[data-place="${place}"] .frame`);
      const image = images[index];
      if (image) image.alt = frame.dataset.alt ?? "";
      frame.replaceChildren(image ?? this.#text("broken"));
    }
    this.#count(number);
    this.state("open");
    this.stage.dataset.comparison = String(comparison.id);
    requestAnimationFrame(() => requestAnimationFrame(() => this.#stopwatch.restart()));
  }

  /** @param {number} number of the comparison in this attempt, beginning with 1 */
  #count(number) {
    const bar = /** @type {HTMLProgressElement} */ (find(this.root, ".progress"));
    bar.value = number - 1;
    find(this.root, '[data-slot="number"]').textContent = String(number);
    this.announce(`${number} / ${bar.max}`);
  }

  /** @param {import("../compare/api.js").Answer} answer that is on its way */
  chosen(answer) {
    this.#stopwatch.stop();
    find(this.root, `[data-answer="${answer}"] .choice`).classList.add("chosen");
    this.state("sending");
  }

  /** Say how others answered; the pictures stay. @param {import("./send.js").Feedback} feedback */
  explain({ verdict, nearer, why }) {
    find(this.board, `[data-place="${nearer}"]`).classList.add("is-nearer");
    const text = this.#text(verdict === "right" ? verdict : `${verdict}-${nearer}`).textContent ?? "";
    const said = /** @type {HTMLElement} */ (this.feedback);
    find(said, '[data-slot="verdict"]').textContent = text;
    find(said, '[data-slot="why"]').textContent = why;
    said.dataset.verdict = verdict;
    said.hidden = false;
    this.state("explained");
    this.#before = /** @type {HTMLElement | null} */ (document.activeElement);
    find(said, "[data-go-on]").focus({ preventScroll: true });
    this.announce(`${text} ${why}`);
  }

  /** @param {string} detail why an answer was not taken */
  refuse(detail) {
    find(this.root, '[data-slot="detail"]').textContent = detail;
    this.state("refused");
    this.announce(detail);
  }

  /** @param {boolean} isFailing */
  unsaved(isFailing) {
    find(this.root, ".not-saved").hidden = !isFailing;
  }

  /** @param {string} state a panel's name, or one in which the board is seen: open, sending, explained */
  state(state) {
    const shows = !this.root.querySelector(`[data-panel="${state}"]`);
    this.stage.dataset.state = shows ? "open" : state;
    this.stage.dataset.step = state;
    this.board.inert = !shows;
    for (const button of this.answers) button.ariaDisabled = String(state === "explained");
    for (const panel of /** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll("[data-panel]"))) {
      panel.hidden = panel.dataset.panel !== state;
    }
  }

  /** @param {string} text for screen readers */
  announce(text) {
    find(this.root, ".announcer").textContent = text;
  }

  /** @param {string} name */
  #text(name) {
    return /** @type {HTMLElement} */ (find(this.texts, `[data-text="${name}"]`).cloneNode(true));
  }
}

/** Fetch and decode its pictures; asked again, they are there. @param {Comparison} comparison */
export function load(comparison) {
  return Promise.all(PLACES.map((place) => picture(comparison[place].src)));
}

/** @param {ParentNode} parent @param {string} selector @returns {HTMLElement} */
function find(parent, selector) {
  const found = parent.querySelector(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return /** @type {HTMLElement} */ (found);
}
