/** The element `<seeme-boxes>`: judge, move and draw the boxes of an image, by pointer or by keyboard. */
import { make } from '../dom.js';
import en from '../lang/en.detection.json';
import css from './boxes.css';
import { clamp, edgesAt, hitsAt, shift } from './geometry.js';
import { createRow, set, svg } from './row.js';
import { changed, detected, drawn, judgement, lacks } from './verdicts.js';

/** @typedef {import('./verdicts.js').Item} Item */

/**
 * A press that may become a drag.
 * @typedef {object} Drag
 * @property {number} id of the pointer
 * @property {number[]} from where it began, in pixels of the image
 * @property {number} next what a click selects
 * @property {number} index of what is dragged
 * @property {Item | undefined} item as it was; nothing is dragged without
 * @property {number[]} edges
 * @property {boolean} [moved]
 */

/** Farther than this, in CSS pixels, a press becomes a drag. */
const SLACK = 3;
/** Half a target of 24 CSS pixels. */
const REACH = 12;
const ALL = [1, 1, 1, 1];
const END = [0, 0, 1, 1];
/** @type {Record<string, number[]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {CSSStyleSheet} One for all elements of the page. */
let sheet;

// A server that imports the module has no HTMLElement, and must not fail.
export class SeemeBoxes extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ['image-src'];

  /** @type {Record<string, any>} What the page has set. */
  #given = { labels: [], strings: en, readOnly: false, disabled: false };
  /** @type {Item[]} */
  #items = [];
  /** @type {Item[][]} What undo goes back to. */
  #past = [];
  #selected = -1;
  #drawing = false;
  #zoom = 1;
  /** @type {Drag | undefined} */
  #drag;
  /** @type {ReturnType<typeof createRow>[]} */
  #rows = [];

  #image = make('img', { part: 'image', onload: () => this.#render(), onerror: () => this.#render() });
  #canvas = svg('svg', { role: 'group', tabindex: -1, preserveAspectRatio: 'none' });
  #viewport = make('div', { part: 'viewport' }, this.#image, this.#canvas);
  #status = make('div', { part: 'status', role: 'status' });
  #list = make('fieldset', { part: 'list' });
  /** @type {HTMLButtonElement[]} */
  #buttons;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    const canvas = this.#canvas;
    const [zoomOut, zoomIn, draw, undo] = this.#buttons = Object.entries({
      zoom_out: () => this.#magnify(0.5), zoom_in: () => this.#magnify(2), draw: () => this.draw(), undo: () => this.undo(),
    }).map(([part, onclick]) => make('button', { part, onclick }));
    if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.#list.append(draw, undo);
    root.append(make('section', { onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
      make('div', {}, this.#viewport, zoomOut, zoomIn, this.#status), this.#list));
    canvas.onpointerdown = (event) => this.#down(event);
    canvas.onpointermove = canvas.onpointerup = canvas.onpointercancel = (event) => this.#pull(event);
    canvas.onwheel = (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.#magnify(event.deltaY < 0 ? 1.25 : 0.8);
    };
    // A finger drags what is selected and draws; elsewhere it scrolls the page.
    canvas.addEventListener('touchstart', (event) => this.#drag?.item && event.preventDefault());
    this.#list.addEventListener('focusin', ({ target }) => this.#select(this.#indexOf(/** @type {Element} */ (target))));
    this.#list.onchange = ({ target }) => this.#read(/** @type {Element} */ (target));
    new ResizeObserver(() => this.#render()).observe(canvas);
    for (const name of ['boxes', 'labels', 'strings', 'imageSrc', 'imageSize', 'readOnly', 'disabled']) this.#reflect(name);
  }

  /** @param {string} _name @param {string} _old @param {string} value */
  attributeChangedCallback(_name, _old, value) {
    /** @type {any} */ (this).imageSrc = value;
  }

  /** The complete verdicts. */
  get value() {
    return this.#items.flatMap(judgement);
  }

  /** Take the last change back. */
  undo() {
    const items = !this.#list.disabled && this.#past.pop();
    if (items) this.#show(items, this.#given.strings.undo);
  }

  /** Forget all changes. */
  reset() {
    const { boxes = [], strings } = this.#given;
    this.#items = boxes.map(detected);
    this.#past = [];
    this.#selected = -1;
    this.#trim(0);
    this.#render();
    this.#status.textContent = boxes[0] ? '' : strings.empty;
  }

  /** Draw a missed object next; called again it puts a box there without dragging. */
  draw() {
    const [width, height] = this.#size;
    if (this.#drawing) {
      this.#put(this.#items.length, drawn([width >> 2, height >> 2, width >> 1, height >> 1]));
      return this.#enter();
    }
    this.#drawing = true;
    this.#status.textContent = this.#given.strings.drawing;
    this.#render();
  }

  /**
   * A property; one that the page has set before the script came lies on the element itself.
   * @param {string} name
   */
  #reflect(name) {
    const own = /** @type {any} */ (this);
    const early = own[name];
    Object.defineProperty(this, name, {
      get: () => this.#given[name],
      set: (value) => {
        const next = name === 'strings' ? { ...en, ...value } : value;
        // Frameworks set what is the same again and again; nobody's work may be lost by that.
        if (JSON.stringify(this.#given[name]) === JSON.stringify(next)) return;
        this.#given[name] = next;
        if (name === 'boxes') return this.reset();
        // Another language or other labels: all rows are made anew.
        if (/s$/.test(name)) this.#trim(0);
        this.#render();
      },
    });
    if (early) own[name] = early;
  }

  /** Width and height of the image; while it is unknown, what the boxes take up. */
  get #size() {
    const { naturalWidth, naturalHeight } = this.#image;
    return naturalWidth ? [naturalWidth, naturalHeight] : this.#given.imageSize ||
      [0, 1].map((axis) => Math.max(2, ...this.#items.map(({ was: { box } }) => box[axis] + box[axis + 2] || 0)));
  }

  /** @param {number} length how many rows stay */
  #trim(length) {
    for (const { row, box } of this.#rows.splice(length)) {
      row.remove();
      box.remove();
    }
  }

  #render() {
    const { imageSrc = '', strings, labels, readOnly, disabled } = this.#given;
    const image = this.#image;
    const list = this.#list;
    const { style } = this.#viewport;
    const focused = this.shadowRoot?.activeElement;
    if (image.getAttribute('src') !== imageSrc) image.src = imageSrc;
    image.alt = imageSrc && image.complete && !image.naturalWidth ? strings.no_image : '';
    list.ariaLabel = this.#canvas.ariaLabel = strings.boxes;
    list.disabled = readOnly || disabled;
    for (const button of this.#buttons) button.textContent = strings[button.part.value];
    const [width, height] = this.#size;
    this.#trim(this.#items.length);
    this.#items.forEach((item, index) => {
      const row = this.#rows[index] ??= createRow(item, strings, labels, list, this.#canvas);
      row.update(item, index, index === this.#selected);
    });
    set(this.#canvas, { viewBox: [0, 0, width, height], part: this.#drawing ? 'drawing' : '' });
    style.setProperty('--ratio', String(width / height));
    style.setProperty('--zoom', String(this.#zoom));
    // Labels are as large at every zoom.
    this.#canvas.style.fontSize = (13 * width) / this.#canvas.clientWidth + 'px';
    // A row that has gone may have had the focus.
    if (focused && !focused.isConnected) this.#buttons[2].focus();
  }

  /**
   * Show and tell a change.
   * @param {Item[]} items
   * @param {string} [words]
   */
  #show(items, words) {
    const item = items[this.#selected];
    this.#items = items;
    this.#drawing = false;
    this.#render();
    this.#status.textContent = words ??
      `${this.#rows[this.#selected].box.textContent} ${item.box} ${this.#given.strings[lacks(item)] ?? ''}`;
    this.dispatchEvent(new CustomEvent('seeme-change', { detail: { value: this.value }, bubbles: true, composed: true }));
  }

  /**
   * Put a changed or a new item in its place.
   * @param {number} index
   * @param {Item} item
   * @param {boolean} [again] it goes on with the last change: one step for undo
   */
  #put(index, item, again) {
    if (this.#list.disabled) return;
    if (!again) this.#past.push(this.#items);
    this.#selected = index;
    // What a person has drawn just goes.
    if (!item.was.label && item.verdict !== 'missed_object') {
      return this.#show(this.#items.filter((_, at) => at !== index), this.#given.strings['is_' + item.verdict]);
    }
    this.#show(Object.assign([...this.#items], { [index]: item }));
  }

  /** @param {number} index */
  #select(index) {
    this.#selected = index;
    this.#render();
  }

  /** Focus what is selected: where it lacks its label. */
  #enter() {
    const row = this.#rows[this.#selected];
    if (row?.fields[1].value) row.box.focus({ preventScroll: true });
    else row?.fields[1].focus();
  }

  /** @param {number} factor */
  #magnify(factor) {
    const { clientWidth, clientHeight, scrollLeft, scrollTop } = this.#viewport;
    const ratio = clamp(this.#zoom * factor, 1, 8) / this.#zoom;
    this.#zoom *= ratio;
    this.#render();
    // The middle stays in its place.
    const [x, y] = [clientWidth / 2, clientHeight / 2];
    this.#viewport.scrollTo((scrollLeft + x) * ratio - x, (scrollTop + y) * ratio - y);
  }

  /** @param {Element} target */
  #indexOf(target) {
    return this.#rows.findIndex(({ row, box }) => row.contains(target) || box === target);
  }

  /** @param {Element} target a field that was changed */
  #read(target) {
    const index = this.#indexOf(target);
    const [verdict, label, ...sides] = this.#rows[index].fields.map(({ value }) => value.trim());
    const item = this.#items[index];
    this.#put(index, changed(item, target.matches('[part=verdict]') ? { verdict } : {
      label: label || item.was.label, box: shift(sides.map(Number), this.#size, END, [0, 0]),
    }));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { key, ctrlKey, metaKey, shiftKey, altKey, repeat } = event;
    const target = /** @type {Element} */ (event.target);
    const index = this.#indexOf(target);
    const item = this.#items[index];
    // What is being typed has an undo of its own.
    if ((ctrlKey || metaKey) && key === 'z' && !target.matches('input')) this.undo();
    else if (key === 'Escape' && (this.#drag || this.#drawing)) this.#cancel();
    else if (!target.matches('g')) return;
    else if (/^(Enter| )$/.test(key)) this.#select(index);
    else if (ARROWS[key]) {
      const by = ARROWS[key].map((step) => step * (shiftKey ? 10 : 1));
      this.#put(index, changed(item, { box: shift(item.box, this.#size, altKey ? END : ALL, by) }), repeat);
    } else if (/^(Delete|Backspace)$/.test(key)) this.#put(index, changed(item, { verdict: 'false_positive' }));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #cancel() {
    if (this.#drag?.moved) this.undo();
    this.#drag = undefined;
    this.#drawing = false;
    this.#render();
  }

  /** @param {MouseEvent} event @returns where it is in the image, and how many of its pixels a CSS pixel takes */
  #at({ clientX, clientY }) {
    const { left, top, width } = this.#canvas.getBoundingClientRect();
    const scale = this.#size[0] / width;
    return { point: [(clientX - left) * scale, (clientY - top) * scale], scale };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (this.#drag || event.button) return;
    event.preventDefault();
    const items = this.#items;
    const drawing = this.#drawing;
    const { point, scale } = this.#at(event);
    const hits = hitsAt(items.map(({ box }) => box), point, REACH * scale, this.#selected);
    const held = hits.indexOf(this.#selected);
    const next = hits[(held + 1) % hits.length] ?? -1;
    if (!drawing && held < 0 && event.pointerType !== 'touch') this.#select(next);
    const index = drawing ? items.length : hits.includes(this.#selected) ? this.#selected : -1;
    const item = drawing ? drawn([...point, 0, 0]) : items[index];
    const edges = held < 0 || drawing ? ALL : edgesAt(item.box, point, REACH * scale);
    this.#drag = { id: event.pointerId, from: point, next, index, item, edges };
    this.#canvas.setPointerCapture(event.pointerId);
    // Here Escape is heard.
    this.#canvas.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  #pull(event) {
    const drag = this.#drag;
    if (event.pointerId !== drag?.id) return;
    if (event.type === 'pointercancel') return this.#cancel();
    const { index, item, edges, from, next } = drag;
    const { point, scale } = this.#at(event);
    const by = point.map((at, axis) => at - from[axis]);
    if (drag.moved || Math.hypot(...by) > SLACK * scale) {
      // A new box grows to where the pointer goes.
      const pulled = item?.box[2] ? edges : [...by, ...by].map((way, side) => +(way < 0 === side < 2));
      if (item) this.#put(index, changed(item, { box: shift(item.box, this.#size, pulled, by) }), drag.moved);
      drag.moved = true;
    }
    if (event.type === 'pointerup') {
      this.#drag = undefined;
      if (!drag.moved && !this.#drawing) this.#select(next);
      this.#enter();
    }
  }
}

/** Define the element, unless another script of the page did so already, or there is no page. */
export function define() {
  if (globalThis.customElements && !customElements.get('seeme-boxes')) customElements.define('seeme-boxes', SeemeBoxes);
}
