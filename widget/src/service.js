/** One request to the service, whose outcome is always an answer and never an exception. */

/** @typedef {{ ok: boolean, status: number, content: any }} Answer */

/**
 * POST the body, or GET without one.
 * @param {string} address
 * @param {string} key
 * @param {object} [body]
 * @returns {Promise<Answer>} status 0 when no answer came
 */
export async function call(address, key, body) {
  try {
    const response = await fetch(address, {
      method: body && 'POST',
      headers: { Authorization: 'Bearer ' + key, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
      credentials: 'omit',
      // A click that is followed by leaving the page still arrives.
      keepalive: true,
      // Without a limit a hanging connection would say "Sending" for ever.
      signal: AbortSignal.timeout(15e3),
    });
    const content = await response.json().catch(() => null);
    return { ok: response.ok, status: response.status, content: content || { detail: 'HTTP ' + response.status } };
  } catch (error) {
    return { ok: false, status: 0, content: { detail: String(error) } };
  }
}
