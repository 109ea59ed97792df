/**
 * What the browser keeps for this page: texts under names, for good or for this tab.
 *
 *   stored.read("localStorage", "key")          // the text, or null
 *   stored.write("sessionStorage", "key", "…")
 *
 * What the browser will not keep (no room, or storage turned off) holds until the page is reloaded.
 */

const inPage = new Map();

export const stored = {
  read(area, key) {
    const name = `${area}.${key}`;
    if (inPage.has(name)) return inPage.get(name);
    try {
      return globalThis[area].getItem(key);
    } catch (error) {
      if (error instanceof DOMException) return null;
      throw error;
    }
  },
  write(area, key, text) {
    const name = `${area}.${key}`;
    try {
      globalThis[area].setItem(key, text);
      inPage.delete(name);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      inPage.set(name, text);
    }
  },
};
