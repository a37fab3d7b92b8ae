// A slider through the faces between a source and a target. All of them are parts of one picture, of which the
// <svg> shows the one that its viewBox names; the slider waits until that picture is decoded, so that no face
// is late.

/** @param {HTMLElement} root */
async function begin(root) {
  root.dataset.begun = "yes";
  const side = Number(root.dataset.side);
  const frames = Number(root.dataset.frames);
  const shown = /** @type {SVGSVGElement} */ (root.querySelector("svg"));
  const slider = /** @type {HTMLInputElement} */ (root.querySelector("input[type=range]"));
  const says = /** @type {HTMLElement} */ (root.querySelector("[data-says]"));
  const sheet = new Image();
  sheet.src = root.dataset.sheet ?? "";
  try {
    await sheet.decode();
  } catch {
    says.textContent = "The faces could not be loaded. Reload the page.";
    return;
  }

  function show() {
    const frame = Number(slider.value);
    const text = inWords(frame, frames);
    shown.setAttribute("viewBox", `${(frame - 1) * side} 0 ${side} ${side}`);
    shown.setAttribute("aria-label", `The source, made: ${text}`);
    slider.setAttribute("aria-valuetext", text);
    says.textContent = text;
  }

  slider.addEventListener("input", show);
  slider.disabled = false;
  show();
}

/** @param {number} frame @param {number} frames */
function inWords(frame, frames) {
  if (frame === 1) return "step 1, the source’s own expression";
  if (frame === frames) return `step ${frames} of ${frames}, the target’s expression`;
  return `step ${frame} of ${frames}, ${Math.round((100 * (frame - 1)) / (frames - 1))} % of the way`;
}

function look() {
  for (const root of document.querySelectorAll("[data-frames]:not([data-begun])")) begin(/** @type {HTMLElement} */ (root));
}

look();
// When the faces are made while one waits, live/main.js puts them into the page.
document.addEventListener("live", look);
