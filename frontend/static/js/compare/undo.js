// Takes back her last answer: out of the outbox if it was never sent, else by asking the server.

import { LoggedOut, Refused } from "./api.js";

/** Refusals that have a text of their own on the page. */
const SAID = new Set(["built_upon", "not_last"]);

/** For so long she can not answer; the network is too slow then. */
const PATIENCE_MS = 6_000;

export class Undo {
  /** While true she can not answer: the answer that she takes back must be her last. */
  isBusy = false;

  /**
   * @param {object} settings
   * @param {import("./api.js").Api} settings.api
   * @param {import("./outbox.js").Outbox} settings.outbox
   * @param {import("./history.js").History} settings.history
   * @param {(given: import("./history.js").Given, progress: import("./api.js").Progress | null) => Promise<void>}
   *   settings.onUndone without progress where the server had never seen the answer
   * @param {(isBusy: boolean) => void} settings.onBusy
   * @param {(text: string) => void} settings.onRefused nothing has changed; the name of the text that says why
   */
  constructor(settings) {
    this.settings = settings;
  }

  async run() {
    const { history, onBusy, onRefused } = this.settings;
    if (this.isBusy) return;
    const given = history.last;
    if (!given) return onRefused("undo-nothing");
    this.isBusy = true;
    onBusy(true);
    try {
      const problem = await this.#takeBack(given);
      if (problem) onRefused(problem);
    } finally {
      this.isBusy = false;
      onBusy(false);
    }
  }

  /** @param {import("./history.js").Given} given @returns {Promise<string | null>} why not */
  async #takeBack(given) {
    const { api, outbox, history, onUndone } = this.settings;
    let progress = null;
    try {
      if (!outbox.takeBack(given.id)) {
        if (!(await Promise.race([outbox.acknowledged(given.id), late()]))) return "undo-unreachable";
        // It may have been refused just now, and then there is nothing to take back.
        if (history.last?.id !== given.id) return null;
        ({ progress } = await api.undo(given.id));
      }
    } catch (error) {
      if (error instanceof Refused) return SAID.has(error.code) ? `undo-${error.code}` : "undo-refused";
      return error instanceof LoggedOut ? "undo-logged-out" : "undo-unreachable";
    }
    history.remove(given.id);
    await onUndone(given, progress);
    return null;
  }
}

/** @returns {Promise<false>} */
function late() {
  return new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE_MS));
}
