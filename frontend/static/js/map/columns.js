// Reads columns of numbers as annotate/insight/map_columns.py packs them.

/** @typedef {{n: number, names: Record<string, string[]>, columns: Record<string, Uint32Array | Float32Array>}} Columns */

/** @param {string} address @returns {Promise<Columns>} */
export async function load(address) {
  const response = await fetch(address);
  if (response.redirected || !response.ok) throw new Error(`status ${response.status}`);
  return unpack(await response.arrayBuffer());
}

/** @param {ArrayBuffer} buffer @returns {Columns} */
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  /** @type {Columns["columns"]} */
  const columns = {};
  let place = 4 + length;
  for (const [name, kind] of header.columns) {
    columns[name] = kind === "f4" ? new Float32Array(buffer, place, header.n) : new Uint32Array(buffer, place, header.n);
    place += 4 * header.n;
  }
  return { n: header.n, names: header.names, columns };
}
