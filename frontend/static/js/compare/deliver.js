// On her home page: sends the answers that an earlier visit to a compare page left unsent in this browser.

import { Api } from "./api.js";
import { Outbox } from "./outbox.js";

const note = /** @type {HTMLElement} */ (document.querySelector("[data-deliver]"));
const { votesUrl = "", csrf = "", user } = note.dataset;
const api = new Api({ votesUrl, csrfToken: csrf });
const outbox = new Outbox({
  owner: Number(user),
  send: (vote) => api.vote(vote, 0),
  onChange: update,
  onSaved() {},
  onRefused() {},
});

function update() {
  note.hidden = outbox.size === 0;
  const count = note.querySelector('[data-slot="unsaved"]');
  if (count) count.textContent = String(outbox.size);
}

update();
void outbox.flush();
