/** The base class: properties that mirror attributes. */

const flags = ['disabled', 'readonly'];

/** Without these the element shows nothing. */
export const required = ['model-id', 'prediction-id', 'api-key'];

/** Attributes whose change is shown. */
export const attributes = required.concat(
  'endpoint', 'mode', 'predicted-label', 'subject', 'theme', 'name', 'labels', 'value', flags);

// A server that imports the module has no HTMLElement, and must not fail.
class Reflected extends (globalThis.HTMLElement ?? Object) {}

for (const attribute of attributes) {
  const flag = flags.includes(attribute);
  const property = attribute.replace('only', 'Only').replace(/-./, (end) => end[1].toUpperCase());
  Object.defineProperty(Reflected.prototype, property, {
    /** @this {HTMLElement} */
    get() {
      return flag ? this.hasAttribute(attribute) : this.getAttribute(attribute) || '';
    },
    /** @this {HTMLElement} @param {any} value */
    set(value) {
      if (flag ? value : value != null) this.setAttribute(attribute, flag ? '' : value);
      else this.removeAttribute(attribute);
    },
  });
}

/**
 * @typedef {import('./feedback-widget.js').TextProperties & { disabled: boolean, readOnly: boolean }} Mirrored
 */
export default /** @type {new () => HTMLElement & Mirrored} */ (Reflected);
