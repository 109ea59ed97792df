/**
 * What a person has filled in, kept for this tab through reloads, errors and changes of page.
 *
 *   const memory = createMemory("playground");
 *   memory.get("temperature", 1);   memory.set("temperature", 0.8);
 *   memory.part("prompt")           // the memory of one part of it
 *
 * What the browser will not keep (too much, or storage turned off) is still kept until the page
 * is reloaded.
 */

const inPage = new Map();

/** The memory of one form. */
export function createMemory(form) {
  const keyOf = (name) => `bit-transformer.form.${form}.${name}`;
  return {
    part: (name) => createMemory(`${form}.${name}`),
    get(name, otherwise = null) {
      const key = keyOf(name);
      if (inPage.has(key)) return inPage.get(key);
      try {
        const kept = sessionStorage.getItem(key);
        return kept === null ? otherwise : JSON.parse(kept);
      } catch (error) {
        if (error instanceof DOMException || error instanceof SyntaxError) return otherwise;
        throw error;
      }
    },
    set(name, value) {
      const key = keyOf(name);
      inPage.set(key, value);
      try {
        sessionStorage.setItem(key, JSON.stringify(value));
      } catch (error) {
        if (!(error instanceof DOMException)) throw error;
      }
    },
  };
}
