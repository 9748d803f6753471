/** What the service lets a page read. */

/**
 * @param {string} address
 * @param {HeadersInit} headers
 * @param {number} [patience] in milliseconds
 * @returns {Promise<any>} the JSON of the answer; undefined when there is none
 */
export async function fetched(address, headers, patience = 15e3) {
  try {
    const response = await fetch(address, { headers, credentials: 'omit', signal: AbortSignal.timeout(patience) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
