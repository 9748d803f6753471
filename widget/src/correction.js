/** The correction form: what the answer should have been, and a note. */
import { button, make, text } from './dom.js';

/**
 * There is no <form>: a sandboxed frame without `allow-forms` would swallow its submission.
 * @param {() => void} send
 * @param {() => void} close
 */
export function createCorrection(send, close) {
  const suggestions = make('datalist', { id: 'list' });
  const note = make('textarea', { part: 'input notes', maxLength: 4000 });
  /** @type {HTMLInputElement | HTMLSelectElement} */
  let field = make('input', {});
  const element = make('div', { part: 'form' },
    make('label', {}, text('label'), field),
    suggestions,
    make('label', {}, text('notes'), note),
    make('div', { part: 'row' }, button('send', send), button('cancel', close)),
  );

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

  return {
    element,

    /**
     * Offer a closed choice, or free text when there is none.
     * @param {string[]} labels
     */
    choose(labels) {
      const old = field;
      // An input ignores the options, and a select the limits of an input.
      field = make(labels[0] ? 'select' : 'input',
        { part: 'input label', required: true, maxLength: 200, autocomplete: 'off' },
        ...['', ...labels].map((label) => new Option(label)));
      field.setAttribute('list', 'list');
      old.replaceWith(field);
    },

    /**
     * Suggest the labels that the service knows, and take numbers alone for a regression.
     * @param {{ labels?: string[], task?: string }} context
     */
    suggest({ labels = [], task }) {
      suggestions.replaceChildren(...labels.map((label) => new Option(label)));
      if (task === 'regression') Object.assign(field, { type: 'number', step: 'any' });
    },

    /** The answer and the note; undefined, and a message at the field, while the answer is missing. */
    read() {
      field.value = field.value.trim();
      if (!field.reportValidity()) return undefined;
      return /** @type {const} */ ([field.type === 'number' ? +field.value : field.value, note.value.trim()]);
    },

    /** Empty the fields. */
    clear() {
      field.value = note.value = '';
    },

    focus: () => field.focus(),
  };
}
