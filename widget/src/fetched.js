/** What the service lets a page read. */

/**
 * @param {string} address
 * @param {HeadersInit} [headers]
 * @returns {Promise<any>} the JSON of the answer; undefined when there is none
 */
export async function fetched(address, headers) {
  try {
    const response = await fetch(address, { headers, credentials: 'omit', signal: AbortSignal.timeout(15e3) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
