/** Elements made without markup: `trusted-types 'none'` leaves no other way. */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} properties
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/**
 * A place for the text of that name; the view fills it in the language of the page.
 * @param {string} name
 */
export const text = (name) => make('span', { className: name });

/**
 * A button with its text, and with a drawing before it when there is one.
 * @param {string} name of its text and of its part
 * @param {() => void} onclick
 * @param {Node[]} drawing
 */
export const button = (name, onclick, ...drawing) =>
  make('button', { part: 'button ' + name, onclick }, ...drawing, text(name));

/**
 * A drawing in the colour of its text, which also names it for those who don't see it.
 * @param {string} path
 */
export function icon(path) {
  const [svg, line] = ['svg', 'path'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
  svg.setAttribute('viewBox', '0 0 24 24');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}
