/**
 * Which arm of an A/B test a unit is in, as server/seeme/assignment.py computes it: both follow the same vectors.
 * A module without network or state, and no part of the element.
 */

const STEPS = 10000;

/**
 * FNV-1a of 32 bits, one step for each UTF-16 code unit.
 * @param {string} text
 */
function fnv1a32(text) {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

/**
 * @param {string} name
 * @param {unknown} text
 */
function checkText(name, text) {
  if (typeof text !== 'string') throw new TypeError(`${name}: expected a text; for a number give String(number)`);
  // With the flag u a pair is one character, so that this finds halves only.
  if (/\p{Surrogate}/u.test(text)) throw new TypeError(`${name}: half of a surrogate pair stands alone in it`);
}

/** @type {typeof import('./seeme-assign.d.ts').hash01} */
export function hash01(seed, unit) {
  checkText('seed', seed);
  checkText('unit', unit);
  if (!unit) throw new TypeError('unit: expected the id of what is assigned, not an empty text');
  return (fnv1a32(String(fnv1a32(seed + unit))) % STEPS) / STEPS;
}

/** @param {readonly number[]} shares */
function checkShares(shares) {
  if (shares.length < 2) throw new RangeError('shares: expected one for each of two or more arms');
  for (const share of shares) {
    if (!(share > 0 && share < 1)) throw new RangeError(`shares: expected numbers above 0 and below 1 (got ${share})`);
  }
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (Math.abs(total - 1) > 0.5 / STEPS) throw new RangeError(`shares: expected numbers that add up to 1 (got ${total})`);
}

/** @type {typeof import('./seeme-assign.d.ts').ranges} */
export function ranges(shares, coverage) {
  checkShares(shares);
  if (!(coverage >= 0 && coverage <= 1)) throw new RangeError(`coverage: expected a number from 0 to 1 (got ${coverage})`);
  let total = 0;
  let low = 0;
  return shares.map((share, index) => {
    total += share;
    const start = low;
    low = index === shares.length - 1 ? STEPS : Math.floor(total * STEPS + 0.5);
    if (start >= low) throw new RangeError(`shares: expected 0.0001 or more, the step of the hash (got ${share})`);
    return [start / STEPS, (start + Math.floor((low - start) * coverage + 0.5)) / STEPS];
  });
}

/** @type {typeof import('./seeme-assign.d.ts').assigned} */
export function assigned(seed, shares, coverage, unit) {
  const place = hash01(seed, unit);
  const arm = ranges(shares, coverage).findIndex(([low, high]) => low <= place && place < high);
  return arm < 0 ? null : arm;
}
