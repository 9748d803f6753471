/** What the script knows of where it came from. */

/** The service's address, for elements without `endpoint`: the folder that the script came from. */
export let serviceAddress = '';

/** @type {(name: string, folder: string) => Promise<import('./parts.js').PartModule>} */
export let importPart;

/**
 * @param {{ src?: string } | null} script the tag of this script
 * @param {typeof importPart} load
 */
export function cameFrom(script, load) {
  serviceAddress = script?.src ? new URL('.', script.src).href : '';
  importPart = load;
}
