/** What is seen of the element: built once, then only changed, so that focus and screen readers keep their place. */
import { button, icon, make } from './dom.js';
import css from './feedback.css';

const again = 'M20 11a8 8 0 10-2 6M20 4v7h-7';
const thumb = 'M7 10v10H3V10zl4-7q3 0 2 3l0 4h6q2 0 2 2l-2 7q0 1-2 1H7';

/** @type {CSSStyleSheet} One for all elements of the page. */
let sheet;

/**
 * @param {import('./feedback-widget.js').SeemeFeedbackElement} element
 * @param {(asked?: unknown) => Promise<import('./parts.js').Extras | undefined>} extras loads the form
 */
export function createView(element, extras) {
  const root = element.attachShadow({ mode: 'open', delegatesFocus: true });
  if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  /** @param {1 | -1} vote */
  const press = (vote) => element.rate(element.rating === vote ? 0 : vote);
  const up = button('up', () => press(1), icon(thumb));
  const down = button('down', () => press(-1), icon(thumb));
  const toggle = button('correct', async () => (await extras(true))?.toggle());
  const status = make('output', { part: 'status' });
  const retry = button('retry', () => element.flush(), icon(again));
  const body = make('section', { part: 'body', role: 'group', onpointerover: extras },
    make('div', { part: 'row' }, up, down, toggle, make('div', { part: 'outcome' }, status, retry)));
  // Who comes near will have the form at hand, also when the network goes.
  root.addEventListener('focusin', extras);
  root.append(body);

  return {
    root,
    body,
    toggle,

    /**
     * @param {string} message the name of a text, or what is wrong
     * @param {boolean} off nothing can be operated
     */
    render(message, off) {
      const { strings, rating, mode, readOnly } = element;
      const lost = root.activeElement === retry;
      Object.assign(body, { lang: strings.lang, dir: strings.dir, ariaLabel: strings.group });
      for (const node of root.querySelectorAll('button, span')) {
        if (node.className) node.textContent = strings[node.className];
        else /** @type {HTMLButtonElement} */ (node).disabled = off;
      }
      up.ariaPressed = /** @type {any} */ (rating > 0);
      down.ariaPressed = /** @type {any} */ (rating < 0);
      up.hidden = down.hidden = /^[cd]/.test(mode);
      toggle.hidden = /^[rd]/.test(mode) || readOnly;
      retry.hidden = !/^[eq]/.test(message);
      const said = strings[message] ?? message;
      // The same words written again would be read aloud again.
      if (status.textContent !== said) status.textContent = said;
      if (lost && retry.hidden) element.focus();
    },
  };
}
