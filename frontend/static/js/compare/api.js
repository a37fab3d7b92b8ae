// Talks to the server's compare endpoints, and turns every outcome into a value or a named error.

/**
 * @typedef {{face: number, src: string}} ShownFace
 * @typedef {{id: number, anchor: ShownFace, left: ShownFace, right: ShownFace}} Comparison
 * @typedef {{decided: number, total: number, mine?: number}} Progress
 * @typedef {"open"|"waiting"|"finished"|"paused"|"closed"} CampaignState
 * @typedef {{state: CampaignState, comparisons: Comparison[], lease_seconds: number, progress: Progress}} Lease
 * @typedef {"left"|"right"|"uncertain"} Answer
 * @typedef {{comparisons: Comparison[], lease_seconds: number, in_time: boolean}} Saved
 * @typedef {"broken"|"known"} Flag
 * @typedef {{id: string, showing: number, answer: Answer, response_ms: number, flag?: Flag, flagged_face?: number}} Vote
 */

/** The server can not be reached or is in trouble: the same request may succeed later. */
export class Unreachable extends Error {}

/** Nobody is logged in any more, or somebody else is, or something else comes first. Only a fresh page helps. */
export class LoggedOut extends Error {
  /** @param {string} [code] of what comes first: `consent`, `not-qualified` */
  constructor(code = "") {
    super(code);
    this.code = code;
  }
}

/** The server understood and said no; sending it again would change nothing. */
export class Refused extends Error {
  /** @param {string} code @param {string} detail */
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
}

const PATIENCE_MS = 20_000;
/** She can not go on meanwhile. */
const UNDO_PATIENCE_MS = 6_000;
const NIL = "00000000-0000-0000-0000-000000000000";

export class Api {
  /**
   * @param {{leasesUrl?: string, votesUrl: string, progressUrl?: string, undoUrl?: string, csrfToken: string}} settings
   *   `undoUrl` has a nil UUID where the vote's goes. `csrfToken` is the one that the page came with: a login in another tab makes it void, so that a page left open by one
   *   person can not send answers in the name of the next.
   */
  constructor(settings) {
    this.settings = settings;
  }

  /** @param {number} count @returns {Promise<Lease>} */
  lease(count) {
    return this.#post(this.settings.leasesUrl, { count });
  }

  /** Send an answer, and ask for so many more comparisons. @param {Vote} vote @param {number} more @returns {Promise<Saved>} */
  vote(vote, more) {
    const { id, showing, answer, response_ms, flag, flagged_face } = vote;
    const body = { id, showing, answer, response_ms, flag, flagged_face, more };
    return this.#post(this.settings.votesUrl, body, { keepalive: true });
  }

  /** Take back an answer that the server has. @param {string} id @returns {Promise<{progress: Progress}>} */
  undo(id) {
    return this.#post(this.settings.undoUrl?.replace(NIL, id), {}, { signal: AbortSignal.timeout(UNDO_PATIENCE_MS) });
  }

  /** @returns {Promise<Progress>} */
  progress() {
    return this.#ask(this.settings.progressUrl, {});
  }

  /** @param {string | undefined} url @param {object} body @param {RequestInit} [options] @returns {Promise<any>} */
  #post(url, body, options = {}) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.settings.csrfToken };
    return this.#ask(url, { method: "POST", headers, body: JSON.stringify(body), ...options });
  }

  /** @param {string | undefined} url @param {RequestInit} options @returns {Promise<any>} */
  async #ask(url, options) {
    let response;
    try {
      response = await fetch(url ?? "", { signal: AbortSignal.timeout(PATIENCE_MS), ...options });
      if (response.ok && isJson(response)) return await response.json();
    } catch (error) {
      throw new Unreachable(String(error));
    }
    throw await problem(response);
  }
}

/** @param {Response} response */
function isJson(response) {
  return (response.headers.get("Content-Type") ?? "").startsWith("application/json");
}

/** @param {Response} response @returns {Promise<Error>} */
async function problem(response) {
  const { status } = response;
  const said = isJson(response) ? await response.json().catch(() => ({})) : {};
  if (status === 401 || status === 403 || response.redirected) return new LoggedOut(said.code);
  if (status >= 500 || status === 429 || status === 408 || response.ok) return new Unreachable(`status ${status}`);
  return new Refused(said.code ?? `status ${status}`, said.detail ?? "The server did not accept it.");
}
