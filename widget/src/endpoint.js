/** Where the service is: the folder that the script came from, unless the element says otherwise. */

/**
 * The address of a script's folder, without query and without a slash at its end.
 * @param {{ src?: string } | null} [script]
 */
const folder = (script) => (script?.src || '').replace(/\/[^/?#]*([?#].*)?$/, '');

/** A classic script knows its tag only while it runs, so this must be called at load. */
export const fromCurrentScript = () => folder(/** @type {HTMLScriptElement | null} */ (document.currentScript));

/** A module has no `currentScript`, but its tag is still in the page. */
export const fromOwnTag = () =>
  folder(document.querySelector(/** @type {'script'} */ ('[src*="/feedback-widget"]')));
