/**
 * What not every page needs, loaded when somebody comes near the element, and for other languages, tokens, what was left
 * behind, and what is wrong.
 */
import { codeOf, textsOf } from './language.js';
import { createContext } from './context.js';
import judging from './lang/en.detection.json';
import { correction } from './lang/en.json';
import { createForm } from './form.js';
import { forget, unwatch, watch } from './leftovers.js';
import { fault } from './rules.js';

/** @typedef {import('./feedback-widget.js').Action} Action */

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

/**
 * @param {import('./parts.js').Kit} kit
 * @returns {import('./parts.js').Extras}
 */
export default function createExtras(kit) {
  const { host, body, toggle, texts, lane, send, update, fail } = kit;
  /** @type {ReturnType<typeof createForm> | undefined} */
  let form;
  let open = false;
  let spoken = '';
  /** @type {Record<string, string>} */
  let translated = {};
  /** @type {import('./queue.js').Lane | undefined} */
  let watched;
  let shown = '';
  let recalled = '';
  /** @type {string | undefined} */
  let reported;
  const context = createContext(kit);
  // What is built in is English.
  const english = { ...judging, ...correction };
  Object.assign(texts, english);
  // A reset that came before this did is not undone either.
  forget(lane(), host.predictionId, true);

  function flip() {
    open = !open;
    if (!form) {
      form = createForm(kit, suggestions, flip);
      body.append(form.element);
    }
    update();
    (open ? form : toggle).focus();
  }

  /** What the form may suggest; when it could not be had, the next opening asks again. */
  async function suggestions() {
    const found = await context.ask();
    if (!found) context.forget();
    return found;
  }

  /** Show the vote that the subject of the token has given before, unless there is a later one. */
  async function recall() {
    const { predictionToken } = host;
    if (predictionToken === recalled) return;
    recalled = predictionToken;
    const before = host.rating;
    const found = predictionToken && await context.ask();
    if (found && found.vote && predictionToken === recalled && before === host.rating && !host.pending) {
      const { id, rating } = found.vote;
      host.adopt({ lane: '', id, at: 0, feedback: /** @type {any} */ ({ id, feedback_type: 'rating', rating, supersedes: id }) });
    }
  }

  async function speak() {
    const code = codeOf(languageOf(host));
    const detection = host.mode === 'detection';
    const before = spoken;
    if (before === (spoken = code + detection)) return;
    const found = before || code !== 'en' ? await textsOf(lane()?.address || '', code, detection) : {};
    if (spoken !== code + detection) return;
    for (const name of Object.keys(translated)) delete texts[name];
    translated = found;
    Object.assign(texts, english, found);
    body.ariaBusy = 'false';
    update();
  }

  return {
    toggle: flip,
    context: context.shown,

    /**
     * Send what the answer should have been; without an answer the note alone, as a comment.
     * @param {string | number} answer
     * @param {string} [notes]
     */
    correct(answer, notes) {
      const key = typeof answer === 'number' ? 'correct_value' : 'correct_label';
      /** @type {Action} */
      const action = answer === '' ? { feedback_type: 'comment' } : { feedback_type: 'correction', [key]: answer };
      const last = lane()?.items.at(-1);
      const stored = send({ ...action, notes: notes || undefined });
      // It stays open when the page has stopped it.
      if (open && last !== lane()?.items.at(-1)) flip();
      return stored;
    },

    async submit() {
      const filled = open && form?.read();
      return !!filled && this.correct(...filled);
    },

    reset() {
      // A reset of the page or its form is not undone by what is still under way; another prediction's is.
      if (shown === host.predictionId) forget(watched, shown);
      unwatch(watched, host);
      watched = undefined;
      open = false;
      context.reset();
      recalled = '';
      form?.clear();
    },

    update() {
      const now = lane();
      if (now !== watched) {
        unwatch(watched, host);
        watched = now;
        shown = host.predictionId;
      }
      if (now) watch(now, host, update);
      if (reported !== (reported = fault(host))) fail(reported);
      speak();
      recall();
      toggle.ariaExpanded = /** @type {any} */ (open);
      if (!form) return;
      form.element.hidden = !open;
      form.update();
    },
  };
}
