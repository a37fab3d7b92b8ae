// This sitting: how many answers she has given and for how long, and when a pause would do her good.

/** A longer gap between two answers is no work beyond this. */
const AT_MOST_MS = 2 * 60_000;
/** Who comes back after so long has had her pause. */
const PAUSE_MS = 5 * 60_000;
/** Who comes back after so long begins anew. */
const AWAY_MS = 30 * 60_000;

/** `at`: her last sign of work; `stretch`: how long she has worked since the last pause. Times in ms. */
const NEW = { answers: 0, worked: 0, stretch: 0, at: 0 };

export class Sitting {
  #state = NEW;

  /** @param {string} key under which this tab keeps it @param {number} pauseAfterMinutes 0 is never */
  constructor(key, pauseAfterMinutes) {
    this.key = key;
    this.pauseAfterMs = pauseAfterMinutes * 60_000;
    try {
      this.#state = { ...NEW, ...JSON.parse(sessionStorage.getItem(key) ?? "{}") };
    } catch {
      // Then it begins now.
    }
    this.begin();
  }

  get answers() {
    return this.#state.answers;
  }

  get minutes() {
    return Math.floor(this.#state.worked / 60_000);
  }

  get isPauseDue() {
    return this.pauseAfterMs > 0 && this.#state.stretch >= this.pauseAfterMs;
  }

  /** She begins, or goes on after whatever kept her: the time until now was no work. */
  begin() {
    const away = Date.now() - this.#state.at;
    const state = away > AWAY_MS ? NEW : this.#state;
    this.#set({ ...state, stretch: away > PAUSE_MS ? 0 : state.stretch, at: Date.now() });
  }

  answered() {
    const gap = Date.now() - this.#state.at;
    if (gap > PAUSE_MS) this.begin();
    const { answers, worked, stretch } = this.#state;
    const work = Math.min(Date.now() - this.#state.at, AT_MOST_MS);
    this.#set({ answers: answers + 1, worked: worked + work, stretch: stretch + work, at: Date.now() });
  }

  tookBack() {
    this.#set({ ...this.#state, answers: Math.max(0, this.#state.answers - 1) });
  }

  /** She has had her pause, or does not want one. */
  rested() {
    this.#set({ ...this.#state, stretch: 0, at: Date.now() });
  }

  /** @param {typeof NEW} state */
  #set(state) {
    this.#state = state;
    try {
      sessionStorage.setItem(this.key, JSON.stringify(state));
    } catch {
      // Then a reload begins a new one.
    }
  }
}
