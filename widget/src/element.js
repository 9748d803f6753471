/** The element `<seeme-feedback>`: attributes, properties, methods and events. */
import { newId } from './ids.js';
import { Outbox } from './outbox.js';
import Reflected, { attributes, required } from './reflected.js';
import { call } from './service.js';
import { strings } from './strings.js';
import { createView } from './view.js';

/** @typedef {import('./feedback-widget.js').Feedback} Feedback */
/** @typedef {import('./feedback-widget.js').Strings} Strings */
/** @typedef {import('./feedback-widget.js').Vote} Vote */

const tag = 'seeme-feedback';
const unsupported = ['detection', 'image-src', 'boxes', 'prediction-token', 'no-queue'];
/** @type {Set<string>} Words already said: a page with a hundred elements says them once. */
const said = new Set();
let serviceAddress = '';

/**
 * @param {'warn' | 'error'} level
 * @param {string} words
 */
function say(level, words) {
  if (!said.has(words)) console[level](`<${tag}> ${words}`);
  said.add(words);
}

export class SeemeFeedback extends Reflected {
  static formAssociated = true;
  static observedAttributes = attributes.concat(unsupported);

  #internals;
  #view;
  #outbox = new Outbox();
  /** @type {Vote} */
  #rating = 0;
  /** @type {Partial<Strings>} */
  #strings = {};
  #open = false;
  /** Where the suggested labels came from. */
  #suggested = '';

  constructor() {
    super();
    this.#internals = this.attachInternals();
    this.#view = createView(this, () => this.#toggle(), () => this.#retry());
  }

  connectedCallback() {
    // Properties that the page set before the script came lie on the element itself and hide the accessors.
    for (const name of Object.keys(this)) {
      const own = /** @type {any} */ (this);
      const value = own[name];
      delete own[name];
      own[name] = value;
    }
    this.#update();
  }

  /**
   * @param {string} name
   * @param {string | null} old
   * @param {string | null} value
   */
  attributeChangedCallback(name, old, value) {
    if (old === value) return;
    const word = name === 'mode' ? value : name;
    if (word && unsupported.includes(word)) say('warn', 'ignores ' + word);
    // Another prediction: nothing of the last one may be shown under it.
    if (old && /-id$/.test(name)) this.reset();
    if (name === 'value') this.#show(value);
    // To correct an answer into itself makes no sense.
    if (/label/.test(name)) this.#view.form.choose(this.labels.filter((label) => label !== this.predictedLabel));
    this.#update();
  }

  formDisabledCallback() {
    this.#update();
  }

  formResetCallback() {
    this.reset();
  }

  get form() {
    return this.#internals.form;
  }

  get rating() {
    return this.#rating;
  }

  set rating(rating) {
    this.value = String(rating);
  }

  get value() {
    return this.#rating ? String(this.#rating) : '';
  }

  set value(value) {
    this.#show(value);
    this.#update();
  }

  /** @returns {string[]} */
  get labels() {
    const text = this.getAttribute('labels') || '';
    try {
      return JSON.parse(text).map(String);
    } catch {
      return text.split(',').map((label) => label.trim()).filter(Boolean);
    }
  }

  set labels(labels) {
    this.setAttribute('labels', typeof labels === 'string' ? labels : JSON.stringify(labels || []));
  }

  get pending() {
    return this.#outbox.sending + this.#outbox.failed.size;
  }

  /** @returns {Strings} */
  get strings() {
    return strings(this.#strings);
  }

  /** @param {Partial<Strings>} own */
  set strings(own) {
    this.#strings = own;
    this.#update();
  }

  /**
   * Send a vote: 1, -1, or 0 to take it back.
   * @param {Vote} rating
   * @returns {Promise<boolean>}
   */
  async rate(rating) {
    if (rating === this.#rating) {
      await this.#outbox.line;
      return !this.#outbox.failed.has('rating') || this.#retry();
    }
    return this.#send({ feedback_type: 'rating', rating }, () => {
      this.#show(rating);
      this.#emit('seeme-change', { rating });
    });
  }

  /**
   * Send what the answer should have been.
   * @param {string | number} answer
   * @param {string} [notes]
   */
  async correct(answer, notes) {
    const key = typeof answer === 'number' ? 'correct_value' : 'correct_label';
    return this.#send({ feedback_type: 'correction', [key]: answer, notes: notes || undefined }, () => {
      if (this.#open) this.#toggle();
    });
  }

  /** Send the form as it is filled in. */
  async submit() {
    const filled = this.#open && this.#view.form.read();
    return !!filled && this.correct(...filled);
  }

  /** Back to the state of the page's tag; nothing is sent. */
  reset() {
    this.#outbox = new Outbox();
    this.#open = false;
    this.#view.form.clear();
    this.#show(this.getAttribute('value'));
    this.#update();
  }

  /**
   * Give an action its id, ask the page, and put it on its way.
   * @param {Pick<Feedback, 'feedback_type'> & Partial<Feedback>} action
   * @param {() => void} accepted called when the page did not stop it
   * @returns {Promise<boolean>} whether the service has stored it
   */
  async #send(action, accepted) {
    if (this.#off || this.#missing()) return false;
    const feedback = {
      id: newId(),
      model_id: this.modelId,
      prediction_id: this.predictionId,
      subject: this.subject || undefined,
      supersedes: this.#outbox.first(action.feedback_type),
      ...action,
    };
    if (!this.#emit('seeme-submit', { feedback }, true)) return false;
    accepted();
    return this.#dispatch(feedback);
  }

  /** @param {Feedback} feedback */
  async #dispatch(feedback) {
    const answer = this.#outbox.send(feedback, () =>
      // The key is read when it is needed, because the page may have mended it before a retry.
      call(this.#address + '/v1/feedback', this.apiKey, feedback));
    this.#update();
    const { ok, status, content } = await answer;
    this.#update();
    this.#emit(ok ? 'seeme-success' : 'seeme-error', { feedback, status, ...(ok ? { response: content } : content) });
    return ok;
  }

  /** Send what failed again, with the same ids. */
  async #retry() {
    const stored = await Promise.all(Array.from(this.#outbox.failed.values(), (feedback) => this.#dispatch(feedback)));
    return stored.every(Boolean);
  }

  get #address() {
    return (this.endpoint || serviceAddress).replace(/\/+$/, '');
  }

  get #off() {
    // Also within a disabled fieldset.
    return this.readOnly || this.matches(':disabled');
  }

  #missing() {
    const missing = required.filter((name) => !this.getAttribute(name));
    return missing.concat(this.#address ? [] : 'endpoint').join(', ');
  }

  /**
   * A vote as the page or the form writes it; everything else is none.
   * @param {unknown} value
   */
  #show(value) {
    this.#rating = /** @type {Vote} */ (Math.sign(Number(value)) || 0);
    this.#internals.setFormValue(this.value || null);
  }

  #toggle() {
    const { form } = this.#view;
    this.#open = !this.#open;
    if (this.#open && !this.labels[0]) this.#suggest();
    this.#update();
    (this.#open ? form : this.#view).focus();
  }

  /** Ask for the model's labels, when they are wanted and not before. */
  async #suggest() {
    const query = new URLSearchParams({ model_id: this.modelId, prediction_id: this.predictionId });
    const address = this.#address + '/v1/widget-context?' + query;
    if (this.#suggested === address) return;
    const { ok, content } = await call(address, this.apiKey);
    // Without suggestions the form still works; the next opening asks again.
    if (ok) {
      this.#suggested = address;
      this.#view.form.suggest(content);
    }
  }

  #update() {
    if (!this.isConnected) return;
    if (this.#missing()) {
      this.#view.hide();
      // Frameworks set attributes one after the other: complain when they are done.
      queueMicrotask(() => this.#missing() && say('error', 'shows nothing without ' + this.#missing()));
      return;
    }
    const { sending, failed, stored } = this.#outbox;
    const outcome = stored ? (stored.rating === 0 ? 'undone' : 'sent') : '';
    this.#view.update(sending ? 'sending' : failed.size ? 'failed' : outcome, this.#off, this.#open);
  }

  /**
   * @param {keyof import('./feedback-widget.js').SeemeFeedbackEventMap} name
   * @param {object} detail
   * @param {boolean} [cancelable]
   */
  #emit(name, detail, cancelable) {
    return this.dispatchEvent(new CustomEvent(name, { detail, cancelable, bubbles: true, composed: true }));
  }
}

/**
 * Define the element, unless a page that has the script twice did so already.
 * @param {() => string} address of the service, for elements without `endpoint`
 */
export function define(address) {
  if (!globalThis.customElements || customElements.get(tag)) return;
  serviceAddress = address();
  customElements.define(tag, SeemeFeedback);
}
