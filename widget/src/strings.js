/** The texts of the element; English is built in, other languages will be files beside it. */
import en from './lang/en.js';

/**
 * The built-in texts with the page's own in their place.
 * @param {Partial<import('./feedback-widget.js').Strings>} own
 * @returns {import('./feedback-widget.js').Strings}
 */
export const strings = (own) => ({ ...en, ...own });
