// Tables whose headings sort their rows: a <button> in a <th>, and a data-value on cells whose text is not their
// value. Numbers sort as numbers, the largest first; cells without a value stand last either way.

document.addEventListener("click", (event) => {
  const heading = /** @type {Element} */ (event.target).closest("table.sortable th button")?.closest("th");
  if (heading) sortBy(/** @type {HTMLTableCellElement} */ (heading));
});

/** @param {HTMLTableCellElement} heading */
function sortBy(heading) {
  const body = /** @type {HTMLTableElement} */ (heading.closest("table")).tBodies[0];
  const first = heading.classList.contains("num") ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = heading.getAttribute("aria-sort") === first ? other : first;
  for (const one of /** @type {HTMLTableRowElement} */ (heading.parentElement).cells) one.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[heading.cellIndex]) }));
  rows.sort((a, b) => {
    if (a.value === "" || b.value === "") return Number(a.value === "") - Number(b.value === "");
    return sign * compare(a.value, b.value);
  });
  body.append(...rows.map(({ row }) => row));
}

/** @param {HTMLTableCellElement} cell */
function valueOf(cell) {
  return (cell.dataset.value ?? cell.textContent ?? "").trim();
}

/** @param {string} a @param {string} b */
function compare(a, b) {
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? a.localeCompare(b) : difference;
}
