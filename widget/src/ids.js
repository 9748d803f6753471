/** Ids made once by their sender: UUIDv7, so that they sort by time. */

let last = 0;

/**
 * A new UUIDv7; later calls give greater ids, also within one millisecond or when the clock is set back.
 * @returns {string}
 */
export function newId() {
  last = Math.max(Date.now(), last + 1);
  // Twelve digits from 2004 to 2527.
  const time = '0' + last.toString(16);
  let i = 0;
  // crypto.randomUUID() is version 4, and is missing on pages without https.
  return 'xxxxxxxx-xxxx-7xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    time[i++] || (crypto.getRandomValues(new Uint8Array(1))[0] & 15).toString(16));
}
