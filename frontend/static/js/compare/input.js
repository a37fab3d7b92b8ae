// Turns keys, clicks and taps into what she wants.

/** @typedef {import("./api.js").Answer} Answer */
/**
 * @typedef {object} Wishes
 * @property {(answer: Answer) => void} answer
 * @property {() => void} undo
 * @property {(kind: import("./api.js").Flag) => void} flag
 * @property {Pick<import("./flip.js").Flip, "start"|"stop">} flip
 * @property {import("./zoom.js").Zoom} zoom
 */

/** @type {Record<string, Answer>} of faces side by side */
const ANSWERS = {
  ArrowLeft: "left",
  1: "left",
  ArrowRight: "right",
  2: "right",
  ArrowDown: "uncertain",
  0: "uncertain",
};
/** What the space bar presses. */
const PRESSABLE = "button:not([data-flip]), a, input, summary";
const OFF = "semblance.letters-off";

/** @param {HTMLElement} root @param {Wishes} wishes @param {Record<string, Answer>} [answers] by key */
export function listen(root, wishes, answers = ANSWERS) {
  const help = /** @type {HTMLDialogElement} */ (root.querySelector("dialog.help-dialog"));
  for (const opener of root.querySelectorAll("[data-opens-help]")) {
    opener.addEventListener("click", () => help.showModal());
  }
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close();
  });
  for (const button of root.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", (event) => {
      // A click leaves no focus behind: the space bar, pressed next, is not to answer.
      if (/** @type {MouseEvent} */ (event).detail > 0) /** @type {HTMLElement} */ (button).blur();
      wishes.answer(/** @type {Answer} */ (button.getAttribute("data-answer")));
    });
  }
  for (const button of root.querySelectorAll("[data-undo]")) button.addEventListener("click", () => wishes.undo());
  const letters = letterKeys(root);
  addEventListener("keydown", (event) => {
    if (root.querySelector("dialog[open]") || event.altKey) return;
    const wish = wished(event, wishes, answers, help, letters);
    if (!wish) return;
    event.preventDefault();
    // A key held down is one wish.
    if (!event.repeat) wish();
  });
  addEventListener("keyup", (event) => {
    if ([" ", "f", "F", "Enter"].includes(event.key)) wishes.flip.stop();
  });
}

/**
 * @param {KeyboardEvent} event @param {Wishes} wishes @param {Record<string, Answer>} answers
 * @param {HTMLDialogElement} help @param {() => boolean} letters
 * @returns {(() => void) | null}
 */
function wished(event, { answer, undo, flag, flip, zoom }, answers, help, letters) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) return key === "z" && !event.shiftKey ? undo : null;
  if (event.shiftKey && key.startsWith("Arrow")) return zoom.isOn ? () => zoom.step(key) : null;
  if (key === "Backspace") return undo;
  if (key === "Escape") return zoom.isOn ? () => zoom.toggle(false) : null;
  const target = /** @type {Element} */ (event.target);
  if (key === " ") return target.closest(PRESSABLE) ? null : () => flip.start();
  if (key === "Enter") return target.closest("[data-flip]") ? () => flip.start() : null;
  if (key.length === 1 && !letters()) return null;
  if (answers[key]) return () => answer(answers[key]);
  /** @type {Record<string, () => void>} */
  const others = {
    u: undo,
    z: () => zoom.toggle(),
    "+": () => zoom.toggle(true),
    "-": () => zoom.toggle(false),
    f: () => flip.start(),
    b: () => flag("broken"),
    k: () => flag("known"),
    "?": () => help.showModal(),
  };
  return others[key] ?? null;
}

/**
 * Whether letters and digits do anything: who speaks to her computer may switch them off.
 * @param {HTMLElement} root @returns {() => boolean}
 */
function letterKeys(root) {
  const box = /** @type {HTMLInputElement} */ (root.querySelector("[data-letters]"));
  try {
    box.checked = !localStorage.getItem(OFF);
    box.addEventListener("change", () =>
      box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"),
    );
  } catch {
    // Then it holds until the page is left.
  }
  return () => box.checked;
}
