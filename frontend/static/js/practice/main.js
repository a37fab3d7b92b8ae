// Practice and qualification: one comparison after the other, each answer stored before the next is shown.
// What is left to answer comes with the page; at its end the page, asked for again, says how it went.

import { LoggedOut, Refused } from "../compare/api.js";
import { Flip } from "../compare/flip.js";
import { listen } from "../compare/input.js";
import { Swipe } from "../compare/swipe.js";
import { Zoom } from "../compare/zoom.js";
import { Screen, load } from "./screen.js";
import { send } from "./send.js";

/** What the server takes as a response time; a page left open over a weekend would exceed it. */
const LONGEST_RESPONSE_MS = 24 * 60 * 60 * 1000;

const root = /** @type {HTMLElement} */ (document.querySelector("[data-trials]"));
const { url = "", csrf = "", after = "", asked } = root.dataset;
/** @type {import("../compare/api.js").Comparison[]} */
const trials = JSON.parse(document.getElementById("trials")?.textContent ?? "[]");
const answered = Number(asked) - trials.length;
const screen = new Screen(root);
const flip = new Flip(root);
const zoom = new Zoom(root);
let place = 0;
/** True from the moment at which an answer is taken until the next comparison is on the screen. */
let busy = true;

async function show() {
  if (place === trials.length) return location.replace(after);
  await screen.show(trials[place], answered + place + 1);
  busy = false;
  if (place + 1 < trials.length) void load(trials[place + 1]);
  return undefined;
}

function next() {
  place += 1;
  void show();
}

/** @param {import("../compare/api.js").Answer} answer */
async function take(answer) {
  const response_ms = screen.responseMs;
  if (busy || response_ms === null) return;
  busy = true;
  flip.stop();
  screen.chosen(answer);
  const given = { trial: trials[place].id, answer, response_ms: Math.min(response_ms, LONGEST_RESPONSE_MS) };
  try {
    const marked = await send({ url, csrfToken: csrf }, given, (isFailing) => screen.unsaved(isFailing));
    if (marked.feedback) screen.explain(marked.feedback);
    else next();
  } catch (error) {
    if (error instanceof LoggedOut) screen.state("logged-out");
    else if (error instanceof Refused && error.code === "answered") location.replace(after);
    else if (error instanceof Refused) screen.refuse(error.message);
    else throw error;
  }
}

/** @param {import("../compare/api.js").Answer} choice */
function answer(choice) {
  void take(choice);
}

// An answer stands here, and nobody else would be asked in her place.
listen(root, { answer, undo() {}, flag() {}, flip, zoom });
new Swipe(root, zoom, answer);
root.querySelector("[data-go-on]")?.addEventListener("click", next);
addEventListener("keydown", (event) => {
  const isElsewhere = !(event.target instanceof Element) || !event.target.closest("button, a, dialog");
  if (event.key === "Enter" && !event.repeat && isElsewhere && root.querySelector('[data-step="explained"]')) next();
});
void show();
