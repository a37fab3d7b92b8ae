// Keeps one's place on the wall: its address names the first face in sight, so that the back button,
// a reload and a sent link begin there, however far down it was.

const wall = document.getElementById("wall");
const REST_MS = 150;

/** The first face that is at least half in sight. @returns {HTMLElement | undefined} */
function firstInSight() {
  for (const face of wall.querySelectorAll("[data-face]")) {
    const { top, height } = face.getBoundingClientRect();
    if (top + height / 2 > 0) return face;
  }
  return undefined;
}

function note() {
  const address = new URL(location.href);
  const face = firstInSight();
  for (const side of ["after", "before", "from"]) address.searchParams.delete(side);
  address.hash = "";
  // At the top the wall begins where it began.
  if (face && wall.getBoundingClientRect().top < 0) {
    address.searchParams.set("from", face.dataset.face);
    address.hash = face.id;
  } else if (started) {
    address.searchParams.set(...started);
  }
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

/** Where this page began, as the server was asked. @type {[string, string] | undefined} */
const started = ["from", "after", "before"]
  .map((side) => [side, new URL(location.href).searchParams.get(side)])
  .find(([, face]) => face);

if (wall) {
  // The browser would scroll to where the longer page had been.
  history.scrollRestoration = "manual";
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
  wall.addEventListener("click", note, { capture: true });
  let rest;
  addEventListener("scroll", () => {
    clearTimeout(rest);
    rest = setTimeout(note, REST_MS);
  }, { passive: true });
}
