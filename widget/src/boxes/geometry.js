/** Boxes as [x, y, width, height] in pixels of the image: whole tenths, within the image, never without an area. */

/** @typedef {number[]} Box */

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

/** @param {number} value */
export const tenth = (value) => Math.round(value * 10) / 10;

/** All edges of a box: it moves as a whole. */
export const ALL = [1, 1, 1, 1];
/** Right and bottom: it changes its size. */
export const END = [0, 0, 1, 1];

/**
 * Move edges of a box, and keep it within the image; an edge stops before it meets its opposite.
 * @param {Box} box
 * @param {number[]} size of the image
 * @param {number[]} edges which of left, top, right and bottom come along: 1, or 0
 * @param {number[]} by
 * @returns {Box}
 */
export function shift(box, size, edges = END, by = [0, 0]) {
  const ends = size.map((limit, axis) => {
    const start = box[axis];
    const end = start + box[axis + 2];
    const first = edges[axis];
    const last = edges[axis + 2];
    // Moved as a whole it keeps its size.
    const step = first && last ? clamp(by[axis], -start, limit - end) : by[axis];
    const from = tenth(clamp(start + first * step, 0, (last ? limit : end) - 1));
    return [from, tenth(tenth(clamp(end + last * step, from + 1, limit)) - from)];
  });
  return [0, 1].flatMap((side) => ends.map((end) => end[side]));
}

/**
 * The edges that are taken at a point: those nearby, or all; in a small box its middle is no edge.
 * @param {Box} box
 * @param {number[]} point
 * @param {number} reach
 */
export function edgesAt([x, y, width, height], point, reach) {
  const near = [x, y, x + width, y + height].map((edge, side) => Math.abs(point[side % 2] - edge) <= reach);
  const edges = near.map((is, side) => +(is && !near[side ^ 2]));
  return edges.includes(1) ? edges : ALL;
}

/**
 * The items whose boxes are at a point, or so near that a finger may mean them; the smallest first.
 * @template {{ box: Box }} Item
 * @param {Item[]} items
 * @param {number[]} point
 * @param {number} reach
 */
export const hitsAt = (items, point, reach) => items
  .filter(({ box }) => point.every((at, axis) => at === clamp(at, box[axis] - reach, box[axis] + box[axis + 2] + reach)))
  .sort((a, b) => a.box[2] * a.box[3] - b.box[2] * b.box[3]);
