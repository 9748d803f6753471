/** The element `<seeme-feedback>`: attributes, properties, methods and events. */
import { button, make, text } from './dom.js';
import { newId } from './ids.js';
import { core } from './lang/en.json';
import { laneOf } from './queue.js';
import Reflected, { attributes, TEXTS } from './reflected.js';
import { importPart, serviceAddress } from './surroundings.js';
import { left } from './storage.js';
import { createView } from './view.js';

/** @typedef {import('./feedback-widget.js').Action} Action */
/** @typedef {import('./feedback-widget.js').Feedback} Feedback */
/** @typedef {import('./feedback-widget.js').Strings} Strings */
/** @typedef {import('./feedback-widget.js').Vote} Vote */
/** @typedef {import('./queue.js').Item} Item */
/** @typedef {import('./parts.js').Part} Part */

const tag = 'seeme-feedback';
/** Everything else wants an explanation. */
const plain = /^(rating|correction|both|detection)?,(auto|light|dark)?$/;
/** @type {Promise<number | undefined>} How many actions pages have left behind. */
let leftBehind;

/**
 * Actions of one kind on one thing replace each other; every missed object is a thing of its own, named by its first action.
 * @param {Feedback} feedback
 */
const kindOf = ({ feedback_type, detection_index, id, supersedes }) =>
  detection_index ?? (/^m/.test(feedback_type) ? supersedes || id : feedback_type);

export class SeemeFeedback extends Reflected {
  static formAssociated = true;
  static observedAttributes = attributes;

  #internals = this.attachInternals();
  #view = createView(this, (asked) => this.#load('extras', asked));
  /** @type {ReturnType<typeof laneOf> | undefined} */
  #lane;
  /** @type {Record<string, string>} The first action of each kind. */
  #first = {};
  /** What became of the last action that the service has stored. */
  #outcome = '';
  #key = '';
  /** @type {Vote} */
  #rating = 0;
  /** @type {Record<string, string>} Texts of parts and of the language. */
  #texts = {};
  /** @type {Partial<Strings>} The page's own texts. */
  #own = {};
  /** @type {Record<string, Promise<any>>} */
  #loading = {};
  /** @type {Part[]} */
  #parts = [];
  /** What is wrong with the tag or a part of it. */
  #fault = '';

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
    // Another prediction or another person: nothing of the last one may be shown or replaced.
    if (old && old !== value && /-id|subj/.test(name)) this.reset();
    if (name === 'value') this.value = /** @type {string} */ (value);
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
    this.#rating = /** @type {Vote} */ (Math.sign(rating) || 0);
    this.#internals.setFormValue(this.value || null);
    this.#update();
  }

  get value() {
    return this.#rating ? String(this.#rating) : '';
  }

  set value(value) {
    this.rating = /** @type {any} */ (value); // the setter makes a number of it
  }

  get pending() {
    return this.#mine.length;
  }

  /** @returns {Strings} */
  get strings() {
    return /** @type {Strings} */ ({ lang: 'en', dir: '', ...core, ...this.#texts, ...this.#own });
  }

  /** @param {Partial<Strings>} own */
  set strings(own) {
    this.#own = own;
    this.#update();
  }

  /**
   * Send a vote: 1, -1, or 0 to take it back.
   * @param {Vote} rating
   * @returns {Promise<boolean>}
   */
  rate(rating) {
    return rating === this.#rating ? this.flush() : this.#send({ feedback_type: 'rating', rating });
  }

  /**
   * Send what the answer should have been; without an answer the note alone, as a comment.
   * @param {string | number} answer
   * @param {string} [notes]
   * @returns {Promise<boolean>}
   */
  async correct(answer, notes) {
    return (await this.#load('extras'))?.correct(answer, notes);
  }

  /** Send the form as it is filled in. */
  async submit() {
    return (await this.#load('extras'))?.submit();
  }

  /** Back to the state of the page's tag; nothing is sent. */
  reset() {
    for (const item of this.#mine) delete item.owner;
    this.#lane = undefined;
    this.#first = {};
    this.#outcome = '';
    for (const part of this.#parts) part.reset();
    this.value = /** @type {string} */ (this.getAttribute('value'));
  }

  /** Try again now what could not be sent, with the same ids. */
  async flush() {
    this.#fault = '';
    const done = this.#lane?.flush();
    this.#update();
    await done;
    return !this.pending;
  }

  /**
   * Give an action its id, ask the page, and put it on its way.
   * @param {Action} action
   * @returns {Promise<boolean>} whether the service has stored it
   */
  async #send(action) {
    const lane = this.#lane;
    if (!lane || this.#off) return false;
    const id = newId();
    /** @type {Feedback} */
    const feedback = {
      id,
      model_id: this.modelId,
      prediction_id: this.predictionId,
      prediction_token: this.predictionToken || undefined,
      subject: this.subject || undefined,
      ...action,
    };
    const kind = kindOf(feedback);
    feedback.supersedes = this.#first[kind];
    if (!this.#emit('submit', { feedback }, true)) return false;
    // It may have arrived with only its answer lost: all later ones name the first.
    this.#first[kind] ??= id;
    // What was refused and is replaced now must not be tried again: it would arrive last and count.
    lane.items = lane.items.filter((item) => !item.brief || item.state !== 'error' || item.owner !== this || kindOf(item.feedback) !== kind);
    const stored = lane.add({ lane: lane.name, id, at: Date.now(), feedback }, { owner: this, brief: this.noQueue });
    if (feedback.rating != null) {
      this.rating = feedback.rating;
      this.#emit('change', feedback);
    }
    this.#update();
    return stored;
  }

  /**
   * Show an action that this or another page has left behind.
   * @param {Item} item
   */
  adopt(item) {
    const { feedback, id } = item;
    item.owner = this;
    this.#first[kindOf(feedback)] ??= feedback.supersedes || id;
    this.rating = feedback.rating ?? this.#rating;
  }

  /**
   * Hear what became of an action.
   * @param {Item} item
   */
  settle({ feedback, state, answer: { status, content } = /** @type {any} */ ({}), n }) {
    if (state === 'success') this.#outcome = feedback.rating === 0 ? 'undone' : state;
    this.#update();
    this.#emit(/** @type {string} */ (state), { ...content, feedback, status, kept: !!n, response: content });
  }

  get #mine() {
    return this.#lane?.items.filter(({ owner }) => owner === this) || [];
  }

  get #address() {
    return (this.endpoint || serviceAddress).replace(/\/+$/, '');
  }

  get #off() {
    // Also within a disabled fieldset.
    return this.readOnly || this.matches(':disabled');
  }

  /**
   * Load a part of the element, once.
   * @param {string} name
   * @param {unknown} [asked] true when somebody waits for it, and is told when it can't be had
   * @returns {Promise<any>} undefined when it can't be had
   */
  #load(name, asked) {
    const { body } = this.#view;
    /** @param {string} fault */
    const fail = (fault) => {
      this.#fault = fault;
      this.#update();
    };
    return (this.#loading[name] ??= importPart(name, serviceAddress).then((module) => {
      const part = module.default({
        host: this, ...this.#view, make, button, text, texts: this.#texts,
        lane: () => this.#lane,
        load: (name) => this.#load(name),
        send: (action) => this.#send(action),
        update: () => this.#update(),
        fail,
      });
      this.#parts.push(part);
      this.#update();
      return part;
    })).catch(() => {
      // Each who asked hears of it: a pointer that came near may have begun what a click then waits for.
      delete this.#loading[name];
      body.ariaBusy = 'false';
      if (asked === true) fail('error');
    });
  }

  #update() {
    const { body, render } = this.#view;
    body.hidden = !(this.modelId && this.predictionId && this.apiKey && this.#address);
    if (!this.isConnected) return;
    if (body.hidden) {
      // Frameworks set attributes one after the other: complain when they are done.
      queueMicrotask(() => body.hidden && console.error(tag, 'needs ' + attributes.slice(TEXTS, TEXTS + 3)));
      return;
    }
    const lane = laneOf(this.#address, this.modelId);
    const key = this.apiKey;
    // A new key sends what was refused with another; each element gives it once.
    if (this.#key !== (this.#key = key) && lane.key !== (lane.key = key)) lane.flush();
    if (lane !== this.#lane) {
      this.#lane = lane;
      // Of this prediction something may be on its way, or have been left behind by another page.
      (leftBehind ??= left()).then((count) => (count || lane.items[0]) && this.#load('extras'));
    }
    if (!this.#fault) {
      // Other languages, tokens and attributes that can't be understood are not for every page.
      const foreign = !/^en/.test(languageOf(this));
      // Until its texts are there nothing is seen, so that nothing moves when they come.
      if (foreign) body.ariaBusy ??= 'true';
      if (foreign || this.predictionToken || !plain.test(this.mode + ',' + this.theme)) this.#load('extras');
      if (this.mode === 'detection') this.#load('detection', true);
    }
    render(this.#fault || ['sending', 'error', 'queued'].find((name) => this.#mine.some(({ state }) => state === name))
      || this.#outcome, this.#off);
    for (const part of this.#parts) part.update();
  }

  /**
   * @param {string} name
   * @param {object} detail
   * @param {boolean} [cancelable]
   */
  #emit(name, detail, cancelable) {
    return this.dispatchEvent(new CustomEvent('seeme-' + name, { detail, cancelable, bubbles: true, composed: true }));
  }
}

/**
 * The language that a node is written in: its own, that of an ancestor, or else the browser's.
 * @param {Element} node
 * @returns {string}
 */
function languageOf(node) {
  const found = /** @type {HTMLElement | null} */ (node.closest('[lang]'));
  const { host } = /** @type {ShadowRoot} */ (node.getRootNode());
  return found ? found.lang : host ? languageOf(host) : navigator.language;
}

/** Define the element, unless a page that has the script twice did so already. */
export function define() {
  if (!customElements.get(tag)) customElements.define(tag, SeemeFeedback);
}
