/** Which arm of an A/B test a unit is in, computed in the page or in Node: no network, nothing stored. */

/**
 * Where a unit falls in [0, 1), in steps of 0.0001: the same for ever, and even over units.
 * @param seed of the test: its `seed`, which is its id unless another was given
 * @param unit the id of what is assigned, such as a user
 * @throws TypeError when one is no text, the unit is empty, or half of a surrogate pair stands alone
 */
export declare function hash01(seed: string, unit: string): number;

/**
 * Each arm's range of hashes, `low <= hash < high`.
 * @param shares each arm's part of the units in the test, two or more, which add up to 1
 * @param coverage the part of all units that is in the test, 0 to 1
 * @throws RangeError
 */
export declare function ranges(shares: readonly number[], coverage: number): [low: number, high: number][];

/** The index of a unit's arm, or null when the unit is outside the test. */
export declare function assigned(seed: string, shares: readonly number[], coverage: number, unit: string): number | null;
