/** The correction form: what the answer should have been, and a note. */
import css from './form.css';

/** @type {CSSStyleSheet} One for all elements of the page. */
let sheet;

/**
 * There is no <form>: a sandboxed frame without `allow-forms` would swallow its submission.
 * @param {import('./parts.js').Kit} kit
 * @param {() => Promise<import('./parts.js').Context | undefined>} context
 * @param {() => void} close
 */
export function createForm({ host, root, make, button, text }, context, close) {
  if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(css);
  root.adoptedStyleSheets.push(sheet);
  const suggestions = make('datalist', { id: 'list' });
  const note = make('textarea', { part: 'input notes', maxLength: 4000 });
  /** @type {HTMLInputElement | HTMLSelectElement} */
  let field = make('input', {});
  let offered = '';
  let suggested = false;
  const send = () => host.submit();
  const element = make('section', { part: 'form' },
    make('label', {}, text('label'), field),
    suggestions,
    make('label', {}, text('notes'), note),
    make('div', { part: 'row' }, button('send', send), button('cancel', close)),
  );

  element.oninput = () => field.setCustomValidity('');
  element.onkeydown = (event) => {
    // Keys typed here are not the page's shortcuts: outside, their target looks like no text field.
    event.stopPropagation();
    if (event.key === 'Escape') close();
    if (event.key === 'Enter' && event.target === field && !event.isComposing) {
      // Otherwise the same stroke would press the button that gets the focus when the form closes.
      event.preventDefault();
      send();
    }
  };

  /**
   * Offer a closed choice, or free text when there is none.
   * @param {string[]} labels
   */
  function choose(labels) {
    const old = field;
    // An input ignores the options, and a select the limits of an input.
    field = make(labels[0] ? 'select' : 'input',
      { part: 'input label', maxLength: 200, autocomplete: 'off' },
      ...['', ...labels].map((label) => new Option(label)));
    field.setAttribute('list', 'list');
    old.replaceWith(field);
  }

  /** Suggest the labels that the service knows, and take numbers alone for a regression. */
  async function suggest() {
    const found = await context();
    // Without suggestions the form still works; the next opening asks again.
    if (!found) return;
    suggested = true;
    suggestions.replaceChildren(...found.labels.map((label) => new Option(label)));
    if (found.task === 'regression') Object.assign(field, { type: 'number', step: 'any' });
  }

  return {
    element,

    update() {
      const { labels, predictedLabel, strings } = host;
      // To correct an answer into itself makes no sense.
      const offer = labels.map(String).filter((label) => label !== predictedLabel);
      if (offered !== (offered = JSON.stringify(offer))) choose(offer);
      if (predictedLabel) {
        /** @type {HTMLElement} */ (element.querySelector('.label')).textContent =
          strings.predicted.replace('{}', () => predictedLabel);
      }
    },

    /**
     * The answer and the note; undefined, and a message at the field, while there is neither.
     * @returns {[answer: string | number, notes: string] | undefined}
     */
    read() {
      field.value = field.value.trim();
      note.value = note.value.trim();
      if (!field.value && !note.value) field.setCustomValidity(host.strings.missing);
      if (!field.reportValidity()) return undefined;
      return [field.type === 'number' && field.value ? +field.value : field.value, note.value];
    },

    clear() {
      field.value = note.value = '';
    },

    focus() {
      if (!suggested && !host.labels[0]) suggest();
      field.focus();
    },
  };
}
