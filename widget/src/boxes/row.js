/** One box as it is seen: its drawing in the image, and its row in the list. */
import { make } from '../dom.js';
import { OWN_VERDICTS, VERDICTS } from './verdicts.js';

/** @typedef {import('./verdicts.js').Item} Item */

/**
 * @param {Element} element
 * @param {Record<string, unknown>} attributes
 */
export function set(element, attributes) {
  for (const name in attributes) element.setAttribute(name, String(attributes[name]));
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @returns {SVGElement}
 */
export const svg = (tag, attributes = {}) =>
  /** @type {SVGElement} */ (set(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes));

/**
 * Verdict, label, and the four numbers of a box.
 * @param {Item} item
 * @param {Record<string, string>} strings
 * @param {string[]} labels
 */
const createFields = ({ was, label }, strings, labels) => ['verdict', 'label', 'x', 'y', 'width', 'height'].map((part, at) =>
  at > 1 ? make('input', { part, type: 'number', step: 'any' })
    : at && !labels[0] ? make('input', { part, maxLength: 200 })
      : make('select', { part }, ...(at ? Array.from(new Set([was.label, label, ...labels]), (name) => new Option(name))
        : (was.label ? VERDICTS : OWN_VERDICTS).map((name) => new Option(strings['is_' + name], name)))));

/**
 * @param {Item} first
 * @param {Record<string, string>} strings
 * @param {string[]} labels
 * @param {Element} list
 * @param {Element} canvas
 */
export function createRow(first, strings, labels, list, canvas) {
  const { confidence } = first.was;
  const title = make('legend', { part: 'name' });
  const fields = createFields(first, strings, labels);
  const row = make('fieldset', { part: 'row' }, title,
    ...fields.map((field) => make('label', {}, strings['box_' + field.part] ?? field.part, field)));
  const box = svg('g', { tabindex: 0, role: 'button' });
  const tag = svg('text', { part: 'tag', dx: '.3em', dy: '1.1em' });
  box.append(svg('rect'), svg('rect', { part: 'line' }), tag);
  /** @type {Item | undefined} */
  let shown;
  list.append(row);
  canvas.append(box);

  return {
    row,
    box,
    fields,

    /**
     * @param {Item} item
     * @param {number} index
     * @param {boolean} selected
     */
    update(item, index, selected) {
      // Of a thousand boxes one has changed.
      if (shown === item && row.ariaCurrent === String(selected)) return;
      shown = item;
      const { verdict } = item;
      const [x, y, width, height] = item.box;
      for (const shape of box.children) set(shape, { x, y, width, height });
      for (const node of [row, box]) node.ariaCurrent = String(selected);
      fields.forEach((field, at) => (field.value = String([verdict, item.label, ...item.box][at])));
      set(box, { part: 'box ' + verdict });
      title.textContent = tag.textContent = [
        index + 1, item.label, verdict ? strings['is_' + verdict] : confidence && Math.round(confidence * 100) + '%',
      ].join(' ');
    },
  };
}
