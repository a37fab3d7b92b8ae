// Turns keys, clicks and taps into answers.

/** @typedef {import("./api.js").Answer} Answer */

/** @type {Record<string, Answer>} */
const KEYS = {
  ArrowLeft: "left",
  1: "left",
  ArrowRight: "right",
  2: "right",
  ArrowDown: "uncertain",
  0: "uncertain",
};

/**
 * @param {HTMLElement} root
 * @param {(answer: Answer) => void} onAnswer
 */
export function listen(root, onAnswer) {
  const help = /** @type {HTMLDialogElement} */ (root.querySelector("dialog.help-dialog"));
  for (const opener of root.querySelectorAll("[data-opens-help]")) {
    opener.addEventListener("click", () => help.showModal());
  }
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close();
  });
  for (const button of root.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", () => onAnswer(/** @type {Answer} */ (button.getAttribute("data-answer"))));
  }
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || help.open) return;
    if (event.key === "?") return help.showModal();
    const answer = KEYS[event.key];
    if (!answer) return;
    event.preventDefault();
    // A key held down is one answer.
    if (!event.repeat) onAnswer(answer);
  });
}
