/** Requests to the service, whose outcome is always an answer and never an exception. */

/** @typedef {{ ok?: boolean, status: number, wait?: number, content: any }} Answer */

/**
 * @param {string} address
 * @param {string} key in the page for everybody to read
 * @param {any} body
 * @returns {Promise<Answer>} status 0 when no answer came; `wait` is what Retry-After says, in seconds, NaN for a date
 */
export const post = (address, key, body) => fetch(address, {
  method: 'POST',
  headers: { Authorization: 'Bearer ' + key, 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
  credentials: 'omit',
  // A click that is followed by leaving the page still arrives.
  keepalive: true,
  // Without a limit a hanging connection would say "Sending" for ever.
  signal: AbortSignal.timeout(15e3),
}).then(async (response) => {
  const content = await response.json().catch(() => ({}));
  // A proxy's page or another service may answer 200, too: stored is what is confirmed by its id.
  return { ok: content.id === body.id, status: response.status, wait: +/** @type {any} */ (response.headers.get('retry-after')), content };
}).catch((error) => ({ status: 0, content: { detail: String(error) } }));
