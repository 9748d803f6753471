/** The base class: properties that mirror attributes. */

/** Attributes that a property mirrors: two lists, three flags, and texts. */
export const attributes = [
  'labels', 'boxes', 'disabled', 'readonly', 'no-queue',
  'model-id', 'prediction-id', 'api-key', 'endpoint', 'mode', 'predicted-label', 'subject', 'theme', 'name', 'value',
  'image-src', 'prediction-token', 'lang',
];
const FLAGS = 2;
/** Where the texts begin; without the first three nothing is shown. */
export const TEXTS = 5;

/**
 * A list as JSON, or as texts between commas.
 * @param {string} text
 */
function listOf(text) {
  try {
    return [...JSON.parse(text)];
  } catch {
    return text.split(',').map((part) => part.trim()).filter(Boolean);
  }
}

/** @typedef {import('./feedback-widget.js').Mirrored} Mirrored */

// A server that imports the module has no HTMLElement, and must not fail.
const Reflected = /** @type {new () => HTMLElement & Mirrored} */ (class extends (globalThis.HTMLElement ?? Object) {});

attributes.forEach((name, place) => {
  const list = place < FLAGS;
  const flag = !list && place < TEXTS;
  Object.defineProperty(Reflected.prototype, name.replace('only', 'Only').replace(/-./, (end) => end[1].toUpperCase()), {
    /** @this {HTMLElement} */
    get() {
      const text = this.getAttribute(name) ?? '';
      return flag ? this.hasAttribute(name) : list ? listOf(text) : text;
    },
    /** @this {HTMLElement} @param {any} value */
    set(value) {
      if (flag ? value : value != null) {
        this.setAttribute(name, flag ? '' : typeof value === 'object' ? JSON.stringify(value) : value);
      } else this.removeAttribute(name);
    },
  });
});

export { Reflected as default };
