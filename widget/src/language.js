/** The texts of other languages: files beside the script. */
import { fetched } from './fetched.js';

/** Nothing is seen until the texts are there, so English must do soon, in milliseconds. */
const PATIENCE = 3e3;
/** @type {Map<string, Promise<object>>} */
const files = new Map();

/**
 * The texts of a file; none when it doesn't come: then they stay English.
 * @param {string} address
 * @returns {Promise<object>}
 */
function file(address) {
  const texts = files.get(address) ?? fetched(address, {}, PATIENCE).then((found) => found || {});
  files.set(address, texts);
  return texts;
}

/**
 * The code of the file for a language: the nearest that there is.
 * @param {string} wanted such as `pt-BR`
 */
export function codeOf(wanted) {
  const tag = wanted.toLowerCase();
  // Traditional characters are named by their script or by where they are read; Norwegians write Bokmål, or read it well.
  const code = /^zh-.*\b(hant|tw|hk|mo)\b/.test(tag) ? 'zh-tw' : /^n[no]\b/.test(tag) ? 'nb' : tag;
  return [code, tag.split('-')[0]].find((one) => LANGUAGES.includes(one)) || 'en';
}

/**
 * @param {string} address of the service
 * @param {string} code
 * @param {boolean} detection whether those of detection mode are wanted too
 * @returns {Promise<Record<string, string>>}
 */
export async function textsOf(address, code, detection) {
  const names = detection ? ['feedback-widget', 'feedback-detection'] : ['feedback-widget'];
  const found = await Promise.all(names.map((name) => file(`${address}/${name}.${code}.json`)));
  return Object.assign({}, ...found);
}
