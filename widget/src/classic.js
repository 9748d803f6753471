/** The classic script of the documents' tag. */
import { define } from './element.js';
import { cameFrom } from './surroundings.js';

if (globalThis.document) {
  // A classic script knows its tag only while it runs. The version keeps a cached part of another release away.
  cameFrom(/** @type {HTMLScriptElement | null} */ (document.currentScript),
    (name, folder) => import(`${folder}feedback-${name}.js?${VERSION}`));
  define();
}
