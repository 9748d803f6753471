/** What a person says of a box: a verdict, and with it another label or another place. */
import { tenth } from './geometry.js';

/** @typedef {{ label: string, confidence?: number | null, box: number[] }} Detection */
/** @typedef {{ feedback_type: string, detection_index?: number, correct_label?: string, box?: number[] }} Judgement */

/**
 * A box under judgement. One that a person has drawn `was` nothing: no label and no box.
 * @typedef {object} Item
 * @property {Detection} was
 * @property {string} label
 * @property {number[]} box
 * @property {string} verdict
 */

/** The verdicts on a detection; those on a box that a person has drawn, of which the second takes it away. */
export const VERDICTS = ['', 'correct', 'wrong_label', 'wrong_box', 'false_positive'];
export const OWN_VERDICTS = ['missed_object', 'false_positive'];

/** @param {Item} item */
const isRenamed = ({ label, was }) => label !== was.label;
/** @param {Item} item */
const isMoved = ({ box, was }) => String(box) !== String(was.box);

/** @param {Detection} detection @returns {Item} */
export function detected({ label, confidence, box }) {
  const was = { label, confidence, box: box.map(tenth) };
  return { ...was, was, verdict: '' };
}

/** @param {number[]} box @returns {Item} */
export const drawn = (box) => ({ label: '', box, was: { label: '', box: [] }, verdict: 'missed_object' });

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
    next.verdict = changes.verdict ?? (isMoved(next) ? 'wrong_box' : isRenamed(next) ? 'wrong_label' : '');
    if (next.verdict !== 'wrong_box') next.box = was.box;
    if (!/wrong/.test(next.verdict)) next.label = was.label;
  }
  return next;
}

/**
 * What a verdict still lacks, as the name of the text that asks for it.
 * @param {Item} item
 */
export const lacks = (item) =>
  /label|missed/.test(item.verdict) && !isRenamed(item) ? 'ask_label'
    : item.verdict === 'wrong_box' && !isMoved(item) ? 'ask_box' : '';

/**
 * A verdict as the service takes it; none while it is incomplete.
 * @param {Item} item
 * @param {number} index
 * @returns {Judgement[]}
 */
export const judgement = (item, index) => item.verdict && !lacks(item) ? [{
  feedback_type: item.verdict,
  ...(item.was.label && { detection_index: index }),
  ...(isRenamed(item) && { correct_label: item.label }),
  ...(isMoved(item) && { box: item.box }),
}] : [];
