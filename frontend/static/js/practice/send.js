// Sends an answer until the server has acknowledged it: the same answer again, however often the network fails.

import { LoggedOut, Refused } from "../compare/api.js";
import { Backoff } from "../compare/backoff.js";
import { uuid } from "../compare/uuid.js";

/**
 * @typedef {{verdict: "right"|"otherwise"|"uncertain", nearer: "left"|"right", why: string}} Feedback
 * @typedef {{left: number, feedback: Feedback | null}} Marked
 */

const PATIENCE_MS = 20_000;

/**
 * @param {{url: string, csrfToken: string}} server
 * @param {{trial: number, answer: import("../compare/api.js").Answer, response_ms: number}} given
 * @param {(isFailing: boolean) => void} onFailing
 * @returns {Promise<Marked>} rejected with LoggedOut or Refused
 */
export async function send(server, given, onFailing) {
  const body = JSON.stringify({ id: uuid(), ...given });
  const backoff = new Backoff();
  for (;;) {
    const response = await post(server, body);
    const said = response && (await json(response));
    if (response?.ok && said) {
      onFailing(false);
      return said;
    }
    if (response && (response.status === 401 || response.status === 403 || response.redirected)) throw new LoggedOut();
    if (response && said && response.status < 500 && response.status !== 429) {
      throw new Refused(said.code ?? "", said.detail ?? "");
    }
    onFailing(true);
    await backoff.wait();
  }
}

/** @param {{url: string, csrfToken: string}} server @param {string} body @returns {Promise<Response | null>} */
async function post({ url, csrfToken }, body) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken };
  try {
    return await fetch(url, { method: "POST", headers, body, keepalive: true, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    return null;
  }
}

/** @param {Response} response @returns {Promise<any>} */
async function json(response) {
  return response.json().catch(() => null);
}
