/** The texts of other languages: files beside the script. */
import { fetched } from './fetched.js';

/** @type {Map<string, Promise<object>>} */
const files = new Map();

/**
 * The texts of a file; none when it doesn't come: then they stay English.
 * @param {string} address
 * @returns {Promise<object>}
 */
function file(address) {
  const texts = files.get(address) ?? fetched(address).then((found) => found || {});
  files.set(address, texts);
  return texts;
}

/**
 * The code of the file for a language: the nearest that there is.
 * @param {string} wanted such as `pt-BR`
 */
export function codeOf(wanted) {
  const [base] = wanted.toLowerCase().split('-');
  return [wanted.toLowerCase(), base].find((code) => LANGUAGES.includes(code)) || 'en';
}

/**
 * @param {string} address of the service
 * @param {string} code
 * @param {boolean} detection whether those of detection mode are wanted too
 * @returns {Promise<object>}
 */
export async function textsOf(address, code, detection) {
  const names = detection ? ['feedback-widget', 'feedback-detection'] : ['feedback-widget'];
  const found = await Promise.all(names.map((name) => file(`${address}/${name}.${code}.json`)));
  return Object.assign({}, ...found);
}
