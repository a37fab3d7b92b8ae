// The compare page: a desk on which a campaign's comparisons come, with flags, flipping, zoom and swipes.

import { Desk } from "./desk.js";
import { Flags } from "./flags.js";
import { Flip } from "./flip.js";
import { listen } from "./input.js";
import { Swipe } from "./swipe.js";
import { Zoom } from "./zoom.js";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-compare]"));
const zoom = new Zoom(root);
const flip = new Flip(root);
const flags = new Flags(root, flag);
const desk = new Desk(root, {
  kind: "campaign",
  id: Number(root.dataset.campaign),
  prefix: "semblance",
  told: ["answered", "paused"],
  onLeave: () => flip.stop(),
});

/** @param {import("./api.js").Answer} choice */
function answer(choice) {
  desk.give(choice, { answer: choice });
}

/** @param {import("./api.js").Flag} kind @param {import("./queue.js").Place} place */
function flag(kind, place) {
  if (!desk.comparison) return;
  const what = { answer: "uncertain", flag: kind, flagged_face: desk.comparison[place].face };
  if (desk.give(`flag-${kind}`, what)) desk.view.notice("flagged");
}

listen(root, { answer, undo: () => void desk.undo.run(), flag: (kind) => flags.open(kind), flip, zoom });
new Swipe(root, zoom, answer);
desk.begin();
