// A button beside a text that is shown once: copies it, and says so.

for (const box of document.querySelectorAll("[data-copy]")) {
  const field = box.querySelector("input");
  const button = box.querySelector("button");
  field?.addEventListener("focus", () => field.select());
  button?.addEventListener("click", async () => {
    field?.select();
    // Over plain http from another machine browsers give no clipboard; the text stands selected then.
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(field?.value ?? "");
    button.textContent = button.dataset.copied ?? "";
  });
}
