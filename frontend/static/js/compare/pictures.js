// Loads and decodes pictures before they are shown, so that showing one takes no time.

const KEPT = 48;
const ATTEMPTS = 3;

/** @type {Map<string, Promise<HTMLImageElement>>} */
const pictures = new Map();

/**
 * A decoded picture, or null where it can not be loaded; the next call tries again.
 * @param {string} src @returns {Promise<HTMLImageElement | null>}
 */
export async function picture(src) {
  const loading = pictures.get(src) ?? load(src);
  // Set anew, so that the oldest is the one not asked for longest.
  pictures.delete(src);
  pictures.set(src, loading);
  if (pictures.size > KEPT) pictures.delete(/** @type {string} */ (pictures.keys().next().value));
  try {
    return await loading;
  } catch {
    pictures.delete(src);
    return null;
  }
}

/** @param {string} src */
async function load(src) {
  for (let attempt = 1; ; attempt++) {
    const image = new Image();
    image.decoding = "sync";
    image.draggable = false;
    image.src = src;
    try {
      await image.decode();
      return image;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
}
