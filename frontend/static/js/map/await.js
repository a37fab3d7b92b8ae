// Opens the map as soon as it is there: the page of one that is being made becomes another page then.

document.addEventListener("live", () => {
  if (document.querySelector("#map-state[data-done]")) location.reload();
});
