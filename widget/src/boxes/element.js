/** The element `<seeme-boxes>`: the box editor of detection mode for any page, without network but for its image. */
import { button, make } from '../dom.js';
import css from '../feedback.css';
import en from '../lang/en.detection.json';
import { createEditor } from './editor.js';

/** @type {CSSStyleSheet} One for all elements of the page. */
let sheet;

// A server that imports the module has no HTMLElement, and must not fail.
export class SeemeBoxes extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ['image-src'];

  /** @type {Record<string, any>} What the page has set. */
  #given = { labels: [], boxes: [], readOnly: false, disabled: false };
  /** @type {ReturnType<typeof createEditor>} */
  #editor;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.#editor = createEditor(root, make, button, () => this.dispatchEvent(new CustomEvent('seeme-change', {
      detail: { value: this.value }, bubbles: true, composed: true,
    })), '', '');
    root.append(this.#editor.element);
    for (const name of ['boxes', 'labels', 'strings', 'imageSrc', 'imageSize', 'readOnly', 'disabled']) this.#reflect(name);
    this.#update();
  }

  /** @param {string} _name @param {string} _old @param {string} value */
  attributeChangedCallback(_name, _old, value) {
    /** @type {any} */ (this).imageSrc = value;
  }

  /** The complete verdicts. */
  get value() {
    /** @type {import('./verdicts.js').Judgement[]} */
    const all = [];
    // Nothing is sent, so each time it is all of them.
    this.#editor.submit((judgement) => void all.push(judgement));
    return all;
  }

  /** Take the last change back. */
  undo() {
    this.#editor.undo();
  }

  /** Forget all changes. */
  reset() {
    this.#editor.reset();
  }

  /** Draw a missed object next; called again it puts a box there without dragging. */
  draw() {
    this.#editor.draw();
  }

  /**
   * A property; one that the page has set before the script came lies on the element itself.
   * @param {string} name
   */
  #reflect(name) {
    const early = /** @type {any} */ (this)[name];
    Object.defineProperty(this, name, {
      get: () => this.#given[name],
      set: (value) => {
        this.#given[name] = value;
        this.#update();
      },
    });
    if (early) this.#given[name] = early;
  }

  #update() {
    const { boxes, labels, strings, imageSrc, imageSize, readOnly, disabled } = this.#given;
    const texts = { ...en, ...strings };
    for (const node of /** @type {ShadowRoot} */ (this.shadowRoot).querySelectorAll('[class]')) {
      node.textContent = texts[/** @type {keyof typeof en} */ (node.className)];
    }
    this.#editor.update({
      boxes: boxes ?? [], labels: labels ?? [], strings: texts, imageSrc, imageSize, readOnly: !!(readOnly || disabled),
    });
  }
}

/** Define the element, unless another script of the page did so already, or there is no page. */
export function define() {
  if (globalThis.customElements && !customElements.get('seeme-boxes')) customElements.define('seeme-boxes', SeemeBoxes);
}
