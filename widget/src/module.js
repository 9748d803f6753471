/** The module build: importing it defines the element, on a server it does nothing. */
import { define } from './element.js';
import { cameFrom } from './surroundings.js';

export { SeemeFeedback } from './element.js';

if (globalThis.document) {
  // A module has no `currentScript`, but its tag may be in the page.
  cameFrom(document.querySelector(/** @type {'script'} */ ('[src*=feedback-widget]')),
    // Written out, so that bundlers find them and make chunks of them.
    (name) => name === 'detection' ? import('./feedback-detection.js') : import('./feedback-extras.js'));
  define();
}
