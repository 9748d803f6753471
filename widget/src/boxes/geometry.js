/** Boxes as [x, y, width, height] in pixels of the image: whole tenths, within the image, never without an area. */

/** @typedef {number[]} Box */

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

/** @param {number} value */
export const tenth = (value) => Math.round(value * 10) / 10;

/**
 * Move edges of a box; one stops before it meets its opposite.
 * @param {Box} box
 * @param {number[]} size of the image
 * @param {number[]} edges which of left, top, right and bottom come along: 1, or 0
 * @param {number[]} by
 * @returns {Box}
 */
export function shift(box, size, edges, by) {
  const ends = size.map((limit, axis) => {
    const [start, end] = [box[axis], box[axis] + box[axis + 2]];
    const [first, last] = [edges[axis], edges[axis + 2]];
    // Moved as a whole it keeps its size.
    const step = first && last ? clamp(by[axis], -start, limit - end) : by[axis];
    const from = tenth(clamp(start + first * step, 0, (last ? limit : end) - 1));
    return [from, tenth(tenth(clamp(end + last * step, from + 1, limit)) - from)];
  });
  return [ends[0][0], ends[1][0], ends[0][1], ends[1][1]];
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
  return edges.includes(1) ? edges : [1, 1, 1, 1];
}

/**
 * The places of the boxes at a point, the smallest first; small ones are as large as a target must be, and the one that
 * is selected can be taken by its edges from outside.
 * @param {Box[]} boxes
 * @param {number[]} point
 * @param {number} reach
 * @param {number} selected
 */
export const hitsAt = (boxes, point, reach, selected) => [...boxes.keys()]
  .filter((index) => point.every((at, axis) => {
    const half = boxes[index][axis + 2] / 2;
    return Math.abs(at - boxes[index][axis] - half) <= Math.max(reach, half + (index === selected ? reach : 0));
  }))
  .sort((a, b) => boxes[a][2] * boxes[a][3] - boxes[b][2] * boxes[b][3]);
