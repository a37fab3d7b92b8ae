// On her home page: sends the answers that an earlier visit to a compare page left unsent in this browser.

import { Api } from "./api.js";
import { Outbox } from "./outbox.js";

for (const note of document.querySelectorAll("[data-deliver]")) deliver(/** @type {HTMLElement} */ (note));

/** @param {HTMLElement} note that says how many are left; it knows where they go */
function deliver(note) {
  const { votesUrl = "", csrf = "", user, deliver: prefix } = note.dataset;
  const api = new Api({ votesUrl, csrfToken: csrf });
  const outbox = new Outbox({
    prefix: `${prefix}.vote.${user}.`,
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
}
