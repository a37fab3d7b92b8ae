// Shows how far an upload is, and refuses beforehand what the server would refuse. htmx sends it.

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** @param {HTMLFormElement} form @param {string} name */
const slot = (form, name) => form.querySelector(`[data-slot="${name}"]`);

/** How much may be sent by it. Not form.dataset: that is its field of this name. @param {Element} form */
const mostBytes = (form) => Number(form.getAttribute?.("data-most-bytes"));

/** @param {HTMLFormElement} form @param {string} text */
function refuse(form, text) {
  slot(form, "sending").hidden = true;
  slot(form, "refusal").hidden = !text;
  slot(form, "refusal").textContent = text;
}

/** @param {HTMLFormElement} form */
function bytes(form) {
  const inputs = [...form.querySelectorAll("input[type=file]")];
  return inputs.flatMap((input) => [...input.files]).reduce((sum, file) => sum + file.size, 0);
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.target;
  const most = mostBytes(form);
  if (!most) return;
  refuse(form, "");
  if (bytes(form) > most) {
    event.preventDefault();
    const [size, limit] = [bytes(form), most].map((n) => NUMBER.format(n / 2 ** 20));
    refuse(form, `These files have ${size} MB together; ${limit} MB may be sent at once. Send them in parts.`);
    return;
  }
  slot(form, "sending").hidden = false;
});

document.addEventListener("htmx:xhr:progress", (event) => {
  const { target: form, detail } = event;
  if (!mostBytes(form) || !detail.lengthComputable) return;
  const percent = Math.floor((100 * detail.loaded) / detail.total);
  form.querySelector("progress").value = percent;
  slot(form, "percent").textContent = percent < 100 ? `${percent} %` : "100 %, being stored";
});

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    const form = event.target;
    if (!mostBytes(form)) return;
    const refused = event.detail.xhr?.status === 413;
    refuse(form, refused
      ? "The server has no room for this, or it is more than may be sent at once. Nothing of it was kept."
      : "The sending broke off. Nothing of it was kept. Look at your connection and send it again.");
  });
}
