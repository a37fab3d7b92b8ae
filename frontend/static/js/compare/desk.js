// What the pages on which somebody compares have in common: ties the queue of comparisons, the screen, her
// answers and the outbox together. What else a page has (flags, flipping) it brings itself.

import { Api } from "./api.js";
import { History } from "./history.js";
import { Outbox } from "./outbox.js";
import { Queue } from "./queue.js";
import { Sitting } from "./sitting.js";
import { Undo } from "./undo.js";
import { View } from "./view.js";

const LOOK_AGAIN_MS = 4_000;
/** How often the progress of everybody is asked for; her own answers are counted as they are saved. */
const PROGRESS_MS = 15_000;
/** What the server takes as a response time; a page left open over a weekend would exceed it. */
const LONGEST_RESPONSE_MS = 24 * 60 * 60 * 1000;

/**
 * @typedef {import("./queue.js").Ready} Ready
 * @typedef {object} Subject what is compared
 * @property {"campaign"|"study"} kind
 * @property {number} id
 * @property {string} prefix of the keys under which the browser keeps what is hers here
 * @property {string[]} told refusals that need only be told; any other is a defect and is shown as one
 * @property {() => void} [onLeave] the comparison on the screen gives way to something else
 */

export class Desk {
  /** @type {Ready | null} */
  #current = null;
  /** @type {number | null} the comparison that she looked at when its lease ran out */
  #lapsed = null;
  #isResting = false;
  #progressAt = performance.now();

  /** @param {HTMLElement} root @param {Subject} subject */
  constructor(root, subject) {
    const { kind, id, prefix } = subject;
    const user = Number(root.dataset.user);
    this.root = root;
    this.subject = subject;
    this.shownKey = `${prefix}.shown`;
    this.api = new Api({
      leasesUrl: root.dataset.leasesUrl ?? "",
      votesUrl: root.dataset.votesUrl ?? "",
      progressUrl: root.dataset.progressUrl ?? "",
      undoUrl: root.dataset.undoUrl ?? "",
      csrfToken: root.dataset.csrf ?? "",
    });
    this.view = new View(root);
    this.history = new History(`${prefix}.given.${user}.${id}`);
    this.sitting = new Sitting(`${prefix}.sitting.${user}`, Number(root.dataset.pauseAfter));
    this.outbox = new Outbox({
      prefix: `${prefix}.vote.${user}.`,
      // An answer to another one, kept from an earlier visit, brings nothing for this one.
      send: (vote) => this.api.vote(vote, vote[kind] === id ? this.queue.room : 0),
      onChange: () => this.#update(),
      onSaved: (vote, saved) => this.#saved(vote, saved),
      onRefused: (vote, refused) => this.#refused(vote, refused),
    });
    this.queue = new Queue({
      lease: (count) => this.#lease(count),
      outbox: this.outbox,
      first: Number(sessionStorage.getItem(this.shownKey)) || null,
      onProgress: (progress) => {
        this.outbox.hurry();
        this.view.progress(progress);
      },
      onChange: () => this.#update(),
    });
    this.undo = new Undo({
      api: this.api,
      outbox: this.outbox,
      history: this.history,
      onBusy: (isBusy) => this.view.undoing(isBusy),
      onUndone: (given, progress) => this.#askAgain(given, progress),
      onRefused: (text) => this.view.notice(text),
    });
  }

  /** What she looks at, if she may answer it. */
  get comparison() {
    return this.#current?.comparison ?? null;
  }

  /** Ask, show and send from now on. */
  begin() {
    for (const button of this.root.querySelectorAll("[data-try-now]")) {
      button.addEventListener("click", () => {
        this.outbox.hurry();
        this.#more();
      });
    }
    this.root.querySelector("[data-go-on]")?.addEventListener("click", () => this.#goOn());
    document.addEventListener("visibilitychange", () => this.#comeBack());
    setInterval(() => {
      const isWaiting = !this.#current && !this.#isResting && !document.hidden;
      if (isWaiting && this.queue.state !== "finished") void this.queue.fill();
    }, LOOK_AGAIN_MS);
    this.#update();
    void this.outbox.flush();
    void this.queue.fill();
  }

  /**
   * @param {string} said the name of the text that says so @param {Pick<import("./api.js").Vote, "answer">} what
   * @returns {boolean} whether it was taken
   */
  give(said, what) {
    const response_ms = this.view.responseMs;
    if (!this.#current || response_ms === null || this.outbox.loggedOut || this.undo.isBusy) return false;
    const { comparison } = this.#current;
    this.#current = null;
    this.sitting.answered();
    this.#isResting ||= this.sitting.isPauseDue;
    this.view.chosen(said);
    const { kind, id } = this.subject;
    const times = { response_ms: Math.min(response_ms, LONGEST_RESPONSE_MS) };
    this.history.add(this.outbox.add({ [kind]: id, showing: comparison.id, ...times, ...what }), comparison);
    return true;
  }

  /** @param {import("./outbox.js").Entry} vote @param {import("./api.js").Saved} saved */
  #saved(vote, saved) {
    if (vote[this.subject.kind] === this.subject.id) {
      this.view.saved(saved.in_time !== false && (this.subject.kind === "study" || vote.answer !== "uncertain"));
      if (saved.comparisons) void this.queue.accept(saved);
      void this.#lookAtProgress();
    }
    if (saved.in_time === false) this.view.notice("late");
    this.#more();
  }

  /** @param {import("./outbox.js").Entry} vote @param {import("./api.js").Refused} refused */
  #refused(vote, refused) {
    this.history.remove(vote.id);
    const isTold = this.subject.told.includes(refused.code);
    if (!isTold) console.warn(`Answer ${vote.id} refused: ${refused.code}, ${refused.message}`);
    this.view.notice(isTold ? `refused-${refused.code}` : "refused");
    this.#more();
  }

  /** @param {number} count */
  async #lease(count) {
    const isExact = this.outbox.watch();
    const lease = await this.api.lease(count);
    if (!isExact()) delete lease.progress.mine;
    return lease;
  }

  async #lookAtProgress() {
    if (performance.now() - this.#progressAt < PROGRESS_MS) return;
    this.#progressAt = performance.now();
    const isExact = this.outbox.watch();
    try {
      const progress = await this.api.progress();
      // An answer that was on its way may be in this number already, or not yet: it is counted when it is saved.
      if (!isExact()) delete progress.mine;
      this.view.progress(progress);
    } catch {
      // The next answer tries again soon enough.
    }
  }

  /** Ask for more comparisons if few are left; the server has just shown that it can be reached. */
  #more() {
    this.queue.hurry();
    void this.queue.fill();
  }

  /**
   * An answer has been taken back: its comparison is on the screen again, and what she looked at comes next.
   * @param {import("./history.js").Given} given @param {import("./api.js").Progress | null} progress
   */
  async #askAgain({ comparison }, progress) {
    const ready = await this.queue.again(comparison);
    if (this.#current) this.queue.putBack(this.#current);
    this.#isResting = false;
    this.sitting.tookBack();
    if (progress) this.view.progress(progress, true);
    this.view.notice("undone");
    this.#show(ready);
    this.#update();
    if (progress) void this.queue.review();
  }

  /** Bring the screen up to date. */
  #update() {
    this.#showNext();
    this.view.ahead(this.queue.size);
    this.view.unsaved(this.outbox.size, this.outbox.failing || this.outbox.loggedOut);
    this.view.sitting(this.sitting);
  }

  /** If nothing is on the screen: the next comparison, or why there is none. */
  #showNext() {
    if (this.outbox.loggedOut || this.queue.state === "logged-out") {
      this.#current = null;
      return this.#panel("logged-out");
    }
    if (this.#current) return undefined;
    if (this.#isResting && this.queue.state === "open") return this.#panel("rest");
    const next = this.queue.take();
    if (!next) return this.#panel(this.#reason());
    if (this.#lapsed !== null && this.#lapsed !== next.comparison.id) this.view.notice("lapsed");
    this.#lapsed = null;
    return this.#show(next);
  }

  /** @param {Ready} ready */
  #show(ready) {
    this.#current = ready;
    this.subject.onLeave?.();
    sessionStorage.setItem(this.shownKey, String(ready.comparison.id));
    this.view.show(ready);
  }

  /** @param {string} name */
  #panel(name) {
    this.subject.onLeave?.();
    this.view.panel(name);
  }

  /** Why there is nothing to show, as the name of a panel. */
  #reason() {
    if (this.outbox.failing || this.queue.state === "unreachable") return "unreachable";
    if (this.queue.state === "open" || this.outbox.size) return "loading";
    return this.queue.state;
  }

  /** After a long absence the comparison on the screen may be somebody else's by now. */
  #comeBack() {
    if (document.hidden) return;
    this.sitting.begin();
    if (this.#current && this.#current.until < performance.now()) {
      this.#lapsed = this.#current.comparison.id;
      this.queue.giveBack(this.#current);
      this.#current = null;
      this.#update();
    }
    if (!this.#isResting) void this.queue.fill();
  }

  #goOn() {
    this.#isResting = false;
    this.sitting.rested();
    this.#update();
    void this.queue.fill();
  }
}
