/** What attributes may be. */

/** @type {Record<string, RegExp>} */
const rules = {
  mode: /^(rating|correction|both|detection)$/,
  theme: /^(auto|light|dark)$/,
  value: /^(-?1|0)$/,
  endpoint: /^(https?:\/)?\//,
};
/** @type {Set<string>} Words already said: a page with a hundred elements says them once. */
const said = new Set();

/** @param {string} text */
function isList(text) {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function isWrong(name, value) {
  if (rules[name]) return !rules[name].test(value);
  return (name === 'boxes' || /^\s*\[/.test(value)) && !isList(value);
}

/**
 * Name an attribute that can't be understood, also in the console.
 * @param {Element} host
 * @returns {string} empty when all is well
 */
export function fault(host) {
  for (const name of [...Object.keys(rules), 'labels', 'boxes']) {
    const value = host.getAttribute(name);
    if (!value || !isWrong(name, value)) continue;
    const words = `<seeme-feedback> can't understand ${name}="${value.slice(0, 80)}"`;
    if (!said.has(words)) console.warn(words);
    said.add(words);
    return '\u26a0 ' + name;
  }
  return '';
}
