// The compare page: ties the queue of comparisons, the screen, her answers and the outbox together.

import { Api } from "./api.js";
import { Flags } from "./flags.js";
import { Flip } from "./flip.js";
import { History } from "./history.js";
import { listen } from "./input.js";
import { Outbox } from "./outbox.js";
import { Queue } from "./queue.js";
import { Sitting } from "./sitting.js";
import { Swipe } from "./swipe.js";
import { Undo } from "./undo.js";
import { View } from "./view.js";
import { Zoom } from "./zoom.js";

const LOOK_AGAIN_MS = 4_000;
/** How often the progress of everybody is asked for; her own answers are counted as they are saved. */
const PROGRESS_MS = 15_000;
/** What the server takes as a response time; a page left open over a weekend would exceed it. */
const LONGEST_RESPONSE_MS = 24 * 60 * 60 * 1000;
const SHOWN = "semblance.shown";
/** Refusals that an annotator need only be told of; any other is a defect and is shown as one. */
const KIND = new Set(["answered", "paused"]);

const root = /** @type {HTMLElement} */ (document.querySelector("[data-compare]"));
const campaign = Number(root.dataset.campaign);
const user = Number(root.dataset.user);
const api = new Api({
  leasesUrl: root.dataset.leasesUrl ?? "",
  votesUrl: root.dataset.votesUrl ?? "",
  progressUrl: root.dataset.progressUrl ?? "",
  undoUrl: root.dataset.undoUrl ?? "",
  csrfToken: root.dataset.csrf ?? "",
});
const view = new View(root);
const zoom = new Zoom(root);
const flip = new Flip(root);
const flags = new Flags(root, flag);
const history = new History(`semblance.given.${user}.${campaign}`);
const sitting = new Sitting(`semblance.sitting.${user}`, Number(root.dataset.pauseAfter));

/** @type {import("./queue.js").Ready | null} */
let current = null;
/** @type {number | null} the comparison that she looked at when its lease ran out */
let lapsed = null;
let isResting = false;
let progressAt = performance.now();

const outbox = new Outbox({
  owner: user,
  // An answer to another campaign, kept from an earlier visit, brings nothing for this one.
  send: (vote) => api.vote(vote, vote.campaign === campaign ? queue.room : 0),
  onChange: update,
  onSaved(vote, saved) {
    if (vote.campaign === campaign) {
      view.saved(saved.in_time && vote.answer !== "uncertain");
      void queue.accept(saved);
      void lookAtProgress();
    }
    if (!saved.in_time) view.notice("late");
    more();
  },
  onRefused(vote, refused) {
    history.remove(vote.id);
    if (!KIND.has(refused.code)) console.warn(`Answer ${vote.id} refused: ${refused.code}, ${refused.message}`);
    view.notice(KIND.has(refused.code) ? `refused-${refused.code}` : "refused");
    more();
  },
});
const queue = new Queue({
  lease,
  outbox,
  first: Number(sessionStorage.getItem(SHOWN)) || null,
  onProgress(progress) {
    outbox.hurry();
    view.progress(progress);
  },
  onChange: update,
});
const undo = new Undo({
  api,
  outbox,
  history,
  onBusy: (isBusy) => view.undoing(isBusy),
  onUndone: askAgain,
  onRefused: (text) => view.notice(text),
});

/** @param {number} count */
async function lease(count) {
  const isExact = outbox.watch();
  const lease = await api.lease(count);
  if (!isExact()) delete lease.progress.mine;
  return lease;
}

async function lookAtProgress() {
  if (performance.now() - progressAt < PROGRESS_MS) return;
  progressAt = performance.now();
  const isExact = outbox.watch();
  try {
    const progress = await api.progress();
    // An answer that was on its way may be in this number already, or not yet: it is counted when it is saved.
    if (!isExact()) delete progress.mine;
    view.progress(progress);
  } catch {
    // The next answer tries again soon enough.
  }
}

/** Ask for more comparisons if few are left; the server has just shown that it can be reached. */
function more() {
  queue.hurry();
  void queue.fill();
}

/** @param {import("./api.js").Answer} choice */
function answer(choice) {
  give(choice, { answer: choice });
}

/** @param {import("./api.js").Flag} kind @param {import("./queue.js").Place} place */
function flag(kind, place) {
  if (!current) return;
  const isTaken = give(`flag-${kind}`, { answer: "uncertain", flag: kind, flagged_face: current.comparison[place].face });
  if (isTaken) view.notice("flagged");
}

/**
 * @param {string} said the name of the text that says so @param {Pick<import("./api.js").Vote, "answer">} what
 * @returns {boolean} whether it was taken
 */
function give(said, what) {
  const response_ms = view.responseMs;
  if (!current || response_ms === null || outbox.loggedOut || undo.isBusy) return false;
  const { comparison } = current;
  current = null;
  sitting.answered();
  isResting ||= sitting.isPauseDue;
  view.chosen(said);
  const showing = comparison.id;
  const vote = { campaign, showing, response_ms: Math.min(response_ms, LONGEST_RESPONSE_MS), ...what };
  history.add(outbox.add(vote), comparison);
  return true;
}

/**
 * An answer has been taken back: its comparison is on the screen again, and what she looked at comes next.
 * @param {import("./history.js").Given} given @param {import("./api.js").Progress | null} progress
 */
async function askAgain({ comparison }, progress) {
  const ready = await queue.again(comparison);
  if (current) queue.putBack(current);
  isResting = false;
  sitting.tookBack();
  if (progress) view.progress(progress, true);
  view.notice("undone");
  show(ready);
  update();
  if (progress) void queue.review();
}

/** Bring the screen up to date. */
function update() {
  showNext();
  view.ahead(queue.size);
  view.unsaved(outbox.size, outbox.failing || outbox.loggedOut);
  view.sitting(sitting);
}

/** If nothing is on the screen: the next comparison, or why there is none. */
function showNext() {
  if (outbox.loggedOut || queue.state === "logged-out") {
    current = null;
    return panel("logged-out");
  }
  if (current) return undefined;
  if (isResting && queue.state === "open") return panel("rest");
  const next = queue.take();
  if (!next) return panel(reason());
  if (lapsed !== null && lapsed !== next.comparison.id) view.notice("lapsed");
  lapsed = null;
  return show(next);
}

/** @param {import("./queue.js").Ready} ready */
function show(ready) {
  current = ready;
  flip.stop();
  sessionStorage.setItem(SHOWN, String(ready.comparison.id));
  view.show(ready);
}

/** @param {string} name */
function panel(name) {
  flip.stop();
  view.panel(name);
}

/** Why there is nothing to show, as the name of a panel. */
function reason() {
  if (outbox.failing || queue.state === "unreachable") return "unreachable";
  if (queue.state === "open" || outbox.size) return "loading";
  return queue.state;
}

/** After a long absence the comparison on the screen may be somebody else's by now. */
function comeBack() {
  if (document.hidden) return;
  sitting.begin();
  if (current && current.until < performance.now()) {
    lapsed = current.comparison.id;
    queue.giveBack(current);
    current = null;
    update();
  }
  if (!isResting) void queue.fill();
}

function goOn() {
  isResting = false;
  sitting.rested();
  update();
  void queue.fill();
}

listen(root, { answer, undo: () => void undo.run(), flag: (kind) => flags.open(kind), flip, zoom });
new Swipe(root, zoom, answer);
for (const button of root.querySelectorAll("[data-try-now]")) {
  button.addEventListener("click", () => {
    outbox.hurry();
    more();
  });
}
root.querySelector("[data-go-on]")?.addEventListener("click", goOn);
document.addEventListener("visibilitychange", comeBack);
setInterval(() => {
  if (!current && !isResting && !document.hidden && queue.state !== "finished") void queue.fill();
}, LOOK_AGAIN_MS);
update();
void outbox.flush();
void queue.fill();
