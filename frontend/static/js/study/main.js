// The page of a blind study's participant: the compare page's desk, with a list of faces on either side.

import { Desk } from "../compare/desk.js";
import { listen } from "../compare/input.js";
import { Zoom } from "../compare/zoom.js";

/** Lists stand above each other on wide screens, beside each other on narrow ones: both pairs of arrows name them. */
const ANSWERS = /** @type {Record<string, import("../compare/api.js").Answer>} */ ({
  ArrowLeft: "left",
  ArrowUp: "left",
  1: "left",
  ArrowRight: "right",
  ArrowDown: "right",
  2: "right",
  0: "uncertain",
});

const root = /** @type {HTMLElement} */ (document.querySelector("[data-study]"));
const desk = new Desk(root, {
  kind: "study",
  id: Number(root.dataset.study),
  prefix: "semblance.study",
  told: ["answered", "closed", "void"],
});

/** @param {import("../compare/api.js").Answer} choice */
function answer(choice) {
  desk.give(choice, { answer: choice });
}

const flip = { start() {}, stop() {} };
listen(root, { answer, undo: () => void desk.undo.run(), flag() {}, flip, zoom: new Zoom(root) }, ANSWERS);

// Who comes for the first time reads what it is about before the clock runs.
const help = /** @type {HTMLDialogElement} */ (root.querySelector("dialog.help-dialog"));
if (root.dataset.mine === "0") {
  help.addEventListener("close", () => desk.begin(), { once: true });
  help.showModal();
} else desk.begin();
