/** What is seen of the element: built once, then only changed, so that focus and screen readers keep their place. */
import { createCorrection } from './correction.js';
import { button, icon, make } from './dom.js';
import css from './feedback.css';

/** @typedef {import('./feedback-widget.js').Strings} Strings */
/** @typedef {'' | 'sending' | 'sent' | 'undone' | 'failed'} Message */

const thumb = 'M7 10v10H3V10zl4-7q3 0 2.5 3L13 10h6q2 0 2 2l-2 7q0 1-2 1H7';
const pencil = 'm4 20 1-4L16 5a2 2 0 0 1 3 3L8 19z';

/** @type {CSSStyleSheet} One for all elements of the page. */
let sheet;

/**
 * @param {import('./feedback-widget.js').SeemeFeedbackElement} element
 * @param {() => void} toggleForm
 * @param {() => void} tryAgain
 */
export function createView(element, toggleForm, tryAgain) {
  const root = element.attachShadow({ mode: 'open', delegatesFocus: true });
  if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  /** @param {1 | -1} vote */
  const press = (vote) => element.rate(element.rating === vote ? 0 : vote);
  const up = button('up', () => press(1), icon(thumb));
  const down = button('down', () => press(-1), icon(thumb));
  const toggle = button('correct', toggleForm, icon(pencil));
  const status = make('div', { part: 'status', role: 'status' });
  const retry = button('retry', tryAgain);
  const form = createCorrection(() => element.submit(), toggleForm);
  const body = make('div', { part: 'body', role: 'group', hidden: true },
    make('div', { part: 'row' }, up, down, toggle, make('div', { part: 'outcome' }, status, retry)),
    form.element);
  root.append(body);
  form.choose([]);

  return {
    form,

    /** Show nothing at all. */
    hide() {
      body.hidden = true;
    },

    /** Where the focus goes when the form closes. */
    focus: () => toggle.focus(),

    /**
     * @param {Message} message
     * @param {boolean} off nothing can be operated
     * @param {boolean} open the form is shown
     */
    update(message, off, open) {
      const { strings, rating, mode, predictedLabel, readOnly } = element;
      const lost = root.activeElement === retry;
      body.hidden = false;
      body.lang = strings.lang;
      body.ariaLabel = strings.group;
      for (const span of root.querySelectorAll('span')) {
        const name = /** @type {keyof Strings} */ (span.className);
        span.textContent = predictedLabel && name === 'label'
          ? strings.predicted.replace('{}', () => predictedLabel)
          : strings[name];
      }
      for (const control of root.querySelectorAll('button')) control.disabled = off;
      up.ariaPressed = String(rating === 1);
      down.ariaPressed = String(rating === -1);
      up.hidden = down.hidden = mode === 'correction';
      toggle.hidden = mode === 'rating' || readOnly;
      toggle.ariaExpanded = String(open);
      form.element.hidden = !open;
      retry.hidden = message !== 'failed';
      const said = message && strings[message];
      // The same words written again would be read aloud again.
      if (status.textContent !== said) status.textContent = said;
      if (lost && retry.hidden) element.focus();
    },
  };
}
