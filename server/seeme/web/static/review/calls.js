// Calls of the service with the session of the page, and what refusals mean.

/** An answer that isn't a 2xx, or none at all (status 0). */
export class Refused extends Error {
  constructor(status, detail, wait = 0) {
    super(detail);
    this.status = status;
    this.wait = wait;
  }

  /** It may work by itself when it is tried again. */
  get passes() {
    return [0, 408, 425, 429].includes(this.status) || this.status >= 500;
  }

  /** It may work again when a person has done something, such as signing in. */
  get parks() {
    return this.status === 401 || this.status === 403;
  }
}

const PATIENCE = 15_000;

/** Ask the service; return its answer or throw `Refused`. */
export async function call(base, method, path, body) {
  let answer;
  let content;
  try {
    answer = await fetch(`${base}/${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    content = await answer.json();
  } catch {
    // Also an answer that was cut off: whether it was stored isn't known, and asking again is harmless.
    if (!answer || answer.ok) throw new Refused(0, "The service can't be reached");
  }
  if (answer.ok) return content;
  const wait = Number(answer.headers.get("retry-after")) || 0;
  throw new Refused(answer.status, content?.detail ?? `The service answered with status ${answer.status}`, wait);
}

/** Tell the service something while the page goes; there is nobody left to wait for the answer. */
export function leave(base, path, body) {
  const headers = { "content-type": "application/json" };
  fetch(`${base}/${path}`, { method: "POST", headers, body: JSON.stringify(body), keepalive: true }).catch(() => {});
}
