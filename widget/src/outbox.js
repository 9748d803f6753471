/** The actions on one prediction on their way to the service, in the order they were done. */

/** @typedef {import('./feedback-widget.js').Feedback} Feedback */
/** @typedef {import('./service.js').Answer} Answer */

export class Outbox {
  /** How many have no answer yet. */
  sending = 0;
  /** @type {Feedback | undefined} The last that the service has confirmed. */
  stored;
  /** @type {Map<string, Feedback>} What can be tried again: at most the latest action of a kind. */
  failed = new Map();
  /** @type {Promise<unknown>} Resolves when everything so far has its answer. */
  line = Promise.resolve();
  /** @type {Record<string, { first: string, latest?: string }>} */
  #chains = {};

  /**
   * The id that a further action of this kind replaces. It is always the first one, even if that one failed:
   * it may have arrived with only its answer lost, and naming an id that never came does no harm.
   * @param {string} kind
   */
  first(kind) {
    return this.#chains[kind]?.first;
  }

  /**
   * Send after everything before it has been answered.
   * @param {Feedback} feedback
   * @param {() => Promise<Answer>} deliver
   * @returns {Promise<Answer>}
   */
  send(feedback, deliver) {
    const { id, feedback_type: kind } = feedback;
    const chain = (this.#chains[kind] ??= { first: id });
    chain.latest = id;
    this.failed.delete(kind);
    this.sending++;
    const answer = this.line.then(deliver).then((answer) => {
      this.sending--;
      if (answer.ok) this.stored = feedback;
      // What has been replaced meanwhile must not be tried again: it would arrive last and count.
      else if (chain.latest === id) this.failed.set(kind, feedback);
      return answer;
    });
    this.line = answer;
    return answer;
  }
}
