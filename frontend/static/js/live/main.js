// Keeps a part of the page fresh: an element with data-live-url asks that address every data-live-seconds, and each
// element of the answer takes the place of the page's with the same id (of a whole page: only the element itself).
// Without data-live-url it asks no more.
// A hidden tab does not ask. A form with data-live-form is sent without leaving the page, and answered alike.

import { morph } from "./morph.js";

const PATIENCE_MS = 15_000;
const LONGEST_PAUSE_SECONDS = 60;
const MOST_KEPT = 2_000;
// So near its end a log is read as it grows.
const NEAR_END_PX = 24;

class Live {
  #failures = 0;
  #asked = 0;
  /** @type {number | undefined} */
  #timer;
  #waits = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    document.addEventListener("visibilitychange", () => this.#plan());
    this.#asked = Date.now();
    this.#plan();
  }

  #plan() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#waits || !this.root.isConnected || !this.root.dataset.liveUrl) return;
    const seconds = Number(this.root.dataset.liveSeconds) * 2 ** this.#failures;
    const due = this.#asked + 1_000 * Math.min(seconds, Math.max(LONGEST_PAUSE_SECONDS, seconds / 2 ** this.#failures));
    this.#timer = setTimeout(() => this.#ask(), Math.max(0, due - Date.now()));
  }

  async #ask() {
    this.#waits = true;
    this.#asked = Date.now();
    try {
      await take(await fetch(this.root.dataset.liveUrl ?? "", { signal: AbortSignal.timeout(PATIENCE_MS) }), this.root);
      this.#failures = 0;
      this.#tell("");
    } catch (error) {
      if (error instanceof Refused) delete this.root.dataset.liveUrl;
      this.#failures += 1;
      this.#tell(error instanceof Refused ? "refused" : this.#failures > 1 ? "unreachable" : "");
    }
    this.#waits = false;
    this.#plan();
  }

  /** Shows the one of the page's notes that holds. @param {string} what */
  #tell(what) {
    for (const note of document.querySelectorAll(`[data-live-note][data-of="${this.root.id}"]`)) {
      /** @type {HTMLElement} */ (note).hidden = /** @type {HTMLElement} */ (note).dataset.liveNote !== what;
    }
  }
}

class Refused extends Error {}

/** @param {Response} response @param {Element} [root] */
async function take(response, root) {
  // Logged out, or not hers any more, or gone.
  if (response.redirected || (response.status >= 400 && response.status < 500)) throw new Refused();
  if (!response.ok) throw new Error(`status ${response.status}`);
  const answer = new DOMParser().parseFromString(await response.text(), "text/html");
  const isPage = answer.querySelector("main") !== null;
  for (const next of isPage ? answer.querySelectorAll(`#${root?.id}`) : [...answer.body.children]) {
    const now = next.id && document.getElementById(next.id);
    if (now) update(now, next);
  }
  document.dispatchEvent(new CustomEvent("live"));
}

/** @param {Element} now @param {Element} next */
function update(now, next) {
  const followed = [...now.querySelectorAll("[data-follows]")].filter(isAtEnd);
  morph(now, next);
  for (const log of now.querySelectorAll("[data-keeps]")) {
    while (log.childElementCount > MOST_KEPT) log.firstElementChild?.remove();
  }
  for (const log of followed) log.scrollTop = log.scrollHeight;
}

/** @param {Element} log */
function isAtEnd(log) {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
}

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches("form[data-live-form]")) return;
  event.preventDefault();
  try {
    await take(await fetch(form.action, { method: "POST", body: new FormData(form) }));
  } catch {
    form.submit();
  }
});

for (const log of document.querySelectorAll("[data-follows]")) log.scrollTop = log.scrollHeight;
for (const root of document.querySelectorAll("[data-live-url]")) new Live(/** @type {HTMLElement} */ (root));
