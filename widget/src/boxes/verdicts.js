/** What a person says of a box: a verdict, and with it another label or another place. */
import { tenth } from './geometry.js';

/** @typedef {{ label: string, confidence?: number | null, box: number[] }} Detection */
/** @typedef {{ feedback_type: string, detection_index?: number, correct_label?: string, box?: number[] }} Judgement */

/**
 * What stays of a box through all changes of its item.
 * @typedef {object} Origin
 * @property {string} verdict what it falls back to: none, until one was sent, which nobody can take back
 * @property {string} [said] the verdict that was sent last, as JSON
 * @property {string} [first] the id of the one that was sent first
 */

/**
 * A box under judgement. One that a person has drawn `was` nothing: no label and no box.
 * @typedef {object} Item
 * @property {Detection & Origin} was
 * @property {string} label
 * @property {number | null} [confidence]
 * @property {number[]} box
 * @property {string} verdict
 */

/** On a detection all but the last, on a box that a person has drawn the last two: there, the first of them takes it away. */
export const VERDICTS = ['', 'correct', 'wrong_label', 'wrong_box', 'false_positive', 'missed_object'];

/** @type {Record<string, 'label' | 'box'>} What must be another one than it was. */
const NEEDS = { wrong_label: 'label', wrong_box: 'box', missed_object: 'label' };

/** @param {Item} item @param {'label' | 'box'} what */
const differs = (item, what) => String(item[what]) !== String(item.was[what]);

/** @param {Detection} detection @returns {Item} */
export function detected(detection) {
  const was = { ...detection, box: detection.box.map(tenth), verdict: '' };
  return { ...was, was };
}

/** @param {number[]} box @returns {Item} */
export const drawn = (box) => ({ ...detected({ label: '', box: [] }), box, verdict: 'missed_object' });

/**
 * Another label or place is a verdict too, and the old ones back are none; a verdict puts back what contradicts it.
 * @param {Item} item
 * @param {Partial<Item>} changes
 * @returns {Item}
 */
export function changed(item, changes) {
  const next = { ...item, ...changes };
  const { was } = item;
  if (was.label) {
    next.verdict = changes.verdict ?? (differs(next, 'box') ? 'wrong_box' : differs(next, 'label') ? 'wrong_label' : was.verdict);
    if (next.verdict !== 'wrong_box') next.box = was.box;
    if (!NEEDS[next.verdict]) next.label = was.label;
  } else if (was.verdict) next.verdict = was.verdict;
  return next;
}

/**
 * What a verdict still lacks, as the name of the text that asks for it.
 * @param {Item} item
 */
export function lacks(item) {
  const need = NEEDS[item.verdict];
  return need && !differs(item, need) ? 'ask_' + need : '';
}

/**
 * A verdict as the service takes it; none while it is incomplete.
 * @param {Item} item
 * @param {number} index
 * @returns {Judgement[]}
 */
export const judgement = (item, index) => item.verdict && !lacks(item) ? [{
  feedback_type: item.verdict,
  ...(item.was.label && { detection_index: index }),
  ...(differs(item, 'label') && { correct_label: item.label }),
  ...(differs(item, 'box') && { box: item.box }),
}] : [];
