// Puts comparisons, progress and messages on the screen. Knows nothing of the server or of votes.

import { Stopwatch } from "./stopwatch.js";

/** Whoever answers sooner than this means the comparison before: a second tap, a key held too long. */
const SETTLE_MS = 200;
const NOTICE_MS = 6_000;
/** What only confirms what she did. */
const BRIEF_NOTICE_MS = 2_500;
const CHOSEN_MS = 350;

export class View {
  #stopwatch = new Stopwatch();
  #noticeTimer = 0;

  /** @param {HTMLElement} root the element that holds all of the compare page */
  constructor(root) {
    this.root = root;
    this.stage = find(root, ".stage");
    this.board = find(root, ".board");
    this.progressBar = /** @type {HTMLProgressElement} */ (find(root, ".progress"));
    this.language = document.documentElement.lang || undefined;
    this.plurals = new Intl.PluralRules(this.language);
    this.texts = /** @type {HTMLTemplateElement} */ (find(root, "#texts")).content;
  }

  /** For how long the pictures have been visible, or null where it is too soon to answer. */
  get responseMs() {
    const milliseconds = this.#stopwatch.milliseconds;
    return milliseconds < SETTLE_MS ? null : milliseconds;
  }

  /** Show a comparison, and start the clock once it has been painted. @param {import("./queue.js").Ready} ready */
  show(ready) {
    this.#stopwatch.stop();
    for (const [place, pictures] of Object.entries(ready.pictures)) {
      const frames = this.board.querySelectorAll(`[data-place="${place}"] .frame`);
      for (const [number, image] of [pictures].flat().entries()) {
        const frame = /** @type {HTMLElement} */ (frames[number]);
        if (image) image.alt = frame.dataset.alt ?? "";
        if (frame.firstElementChild !== image || !image) frame.replaceChildren(image ?? this.#text("broken"));
      }
    }
    this.#state("open");
    this.stage.dataset.comparison = String(ready.comparison.id);
    requestAnimationFrame(() => requestAnimationFrame(() => this.#stopwatch.restart()));
  }

  /** Show a message in place of a comparison. @param {string} name of a panel on the page */
  panel(name) {
    if (this.stage.dataset.state === name) return;
    this.#stopwatch.stop();
    this.#state(name);
    delete this.stage.dataset.comparison;
    const panel = this.root.querySelector(`[data-panel="${name}"]`);
    this.announce(panel?.querySelector("h2")?.textContent ?? "");
    /** @type {HTMLElement | null | undefined} */ (panel?.querySelector("[data-focus]"))?.focus();
  }

  /** @param {string} state */
  #state(state) {
    this.stage.dataset.state = state;
    this.board.inert = state !== "open";
    for (const panel of this.root.querySelectorAll("[data-panel]")) {
      /** @type {HTMLElement} */ (panel).hidden = panel.getAttribute("data-panel") !== state;
    }
  }

  /** Say which answer was taken, without holding up the next comparison. @param {string} answer */
  chosen(answer) {
    const mark = this.root.querySelector(`[data-answer="${answer}"] .choice`);
    mark?.classList.add("chosen");
    setTimeout(() => mark?.classList.remove("chosen"), CHOSEN_MS);
    this.announce(this.#text(`chose-${answer}`).textContent ?? "");
  }

  /**
   * Without `mine`, that stays as it is.
   * @param {import("./api.js").Progress} progress @param {boolean} [goesBack] an answer has been taken back
   */
  progress({ decided, total, mine = Number(this.root.dataset.mine) }, goesBack = false) {
    // Answers of the server may overtake each other: but for that, this count never goes back.
    if (!goesBack) decided = Math.max(decided, this.progressBar.value);
    this.progressBar.max = Math.max(total, 1);
    this.progressBar.value = decided;
    this.#fill({ decided, total, mine });
    this.root.dataset.mine = String(mine);
  }

  /** Count an answer of hers that the server has acknowledged. @param {boolean} decides */
  saved(decides) {
    const { value, max } = this.progressBar;
    const decided = Math.min(value + Number(decides), max);
    this.progress({ decided, total: max, mine: Number(this.root.dataset.mine) + 1 });
  }

  /** Say how many answers the server has not acknowledged yet. @param {number} count @param {boolean} failing */
  unsaved(count, failing) {
    this.#fill({ unsaved: count });
    this.root.dataset.unsaved = String(count);
    find(this.root, ".saving").hidden = !count || failing;
    find(this.root, ".not-saved").hidden = !count || !failing;
  }

  /** How she gets on in this sitting. @param {{answers: number, minutes: number}} sitting */
  sitting({ answers, minutes }) {
    this.#fill({ "sitting-answers": answers, "sitting-minutes": minutes });
  }

  /** @param {boolean} isBusy while an answer is being taken back */
  undoing(isBusy) {
    this.board.setAttribute("aria-busy", String(isBusy));
  }

  /** Note how many comparisons could be answered without the network. @param {number} count */
  ahead(count) {
    this.root.dataset.ahead = String(count);
  }

  /** Show a short message for a while. @param {string} name of a text on the page */
  notice(name) {
    const notice = find(this.root, ".notice");
    const text = this.#text(name);
    notice.replaceChildren(text);
    notice.hidden = false;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => (notice.hidden = true), "brief" in text.dataset ? BRIEF_NOTICE_MS : NOTICE_MS);
  }

  /** @param {string} text for screen readers */
  announce(text) {
    find(this.root, ".announcer").textContent = text;
  }

  /** @param {Record<string, number>} values */
  #fill(values) {
    for (const [name, value] of Object.entries(values)) {
      for (const slot of this.root.querySelectorAll(`[data-slot="${name}"]`)) {
        slot.textContent = value.toLocaleString(this.language);
        const noun = slot.nextElementSibling;
        if (!noun?.matches("[data-other]")) continue;
        noun.textContent = noun.getAttribute(`data-${this.plurals.select(value)}`) ?? noun.getAttribute("data-other");
      }
    }
  }

  /** @param {string} name */
  #text(name) {
    return /** @type {HTMLElement} */ (find(this.texts, `[data-text="${name}"]`).cloneNode(true));
  }
}

/** @param {ParentNode} parent @param {string} selector @returns {HTMLElement} */
function find(parent, selector) {
  const found = parent.querySelector(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return /** @type {HTMLElement} */ (found);
}
