// The keys of the review pages: each key stands on the control that it presses, in data-key.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const at = /** @type {Element} */ (event.target);
  // A control that has the focus takes Enter itself; so does whoever types.
  if (at.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  if (event.key === "Enter" && at.closest("a, button")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const control = /** @type {HTMLElement | null} */ (document.querySelector(`[data-key="${CSS.escape(key)}"]`));
  if (!control) return;
  event.preventDefault();
  control.click();
});
