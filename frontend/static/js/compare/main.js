// The compare page: ties the queue of comparisons, the screen, her answers and the outbox together.

import { Api } from "./api.js";
import { listen } from "./input.js";
import { Outbox } from "./outbox.js";
import { Queue } from "./queue.js";
import { View } from "./view.js";

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
const api = new Api({
  leasesUrl: root.dataset.leasesUrl ?? "",
  votesUrl: root.dataset.votesUrl ?? "",
  progressUrl: root.dataset.progressUrl ?? "",
  csrfToken: root.dataset.csrf ?? "",
});
const view = new View(root);

/** @type {import("./queue.js").Ready | null} */
let current = null;
/** @type {number | null} the comparison that she looked at when its lease ran out */
let lapsed = null;
let progressAt = performance.now();

const outbox = new Outbox({
  owner: Number(root.dataset.user),
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
  const response_ms = view.responseMs;
  if (!current || response_ms === null || outbox.loggedOut) return;
  const showing = current.comparison.id;
  current = null;
  view.chosen(choice);
  outbox.add({ campaign, showing, answer: choice, response_ms: Math.min(response_ms, LONGEST_RESPONSE_MS) });
}

/** Bring the screen up to date. */
function update() {
  showNext();
  view.ahead(queue.size);
  view.unsaved(outbox.size, outbox.failing || outbox.loggedOut);
}

/** If nothing is on the screen: the next comparison, or why there is none. */
function showNext() {
  if (outbox.loggedOut || queue.state === "logged-out") {
    current = null;
    return view.panel("logged-out");
  }
  if (current) return undefined;
  current = queue.take();
  if (!current) return view.panel(reason());
  if (lapsed !== null && lapsed !== current.comparison.id) view.notice("lapsed");
  lapsed = null;
  sessionStorage.setItem(SHOWN, String(current.comparison.id));
  return view.show(current);
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
  if (current && current.until < performance.now()) {
    lapsed = current.comparison.id;
    queue.giveBack(current);
    current = null;
    update();
  }
  void queue.fill();
}

listen(root, answer);
for (const button of root.querySelectorAll("[data-try-now]")) {
  button.addEventListener("click", () => {
    outbox.hurry();
    more();
  });
}
document.addEventListener("visibilitychange", comeBack);
setInterval(() => {
  if (!current && !document.hidden && queue.state !== "finished") void queue.fill();
}, LOOK_AGAIN_MS);
update();
void outbox.flush();
void queue.fill();
