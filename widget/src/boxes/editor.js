/** The box editor: judge, move and draw the boxes of an image, by pointer or by keyboard. */
import css from './boxes.css';
import { ALL, clamp, edgesAt, END, hitsAt, shift } from './geometry.js';
import { changed, detected, drawn, judgement, lacks, VERDICTS } from './verdicts.js';

/** @typedef {import('./verdicts.js').Item} Item */

/**
 * What is to be judged.
 * @typedef {object} Given
 * @property {import('./verdicts.js').Detection[] | null} [boxes] without, nothing can be judged
 * @property {string[]} labels
 * @property {Record<string, string>} strings
 * @property {string} [imageSrc]
 * @property {number[] | null} [imageSize]
 * @property {boolean} readOnly
 */

/**
 * A press that may become a drag.
 * @typedef {object} Drag
 * @property {number[]} from where it began, in pixels of the image
 * @property {number} next what a click selects
 * @property {Item | undefined} item as it was; nothing is dragged without
 * @property {number[]} edges
 * @property {boolean} [moved]
 */

/** Farther than this, in CSS pixels, a press becomes a drag. */
const SLACK = 3;
/** Half a target of 24 CSS pixels. */
const REACH = 12;
const FIELDS = ['verdict', 'label', 'x', 'y', 'width', 'height'];
const SIDES = ['left', 'top', 'width', 'height'];
/** @type {Record<string, number[]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {ShadowRoot} root that has the style sheet of the widget, and fills the texts of its buttons
 * @param {typeof import('../dom.js').make} make
 * @param {typeof import('../dom.js').button} button
 * @param {(() => void) | undefined} told of every change that a person makes
 * @param {HTMLElement | ''} send stands below the list
 * @param {HTMLElement | ''} retry stands beside what is said
 */
export function createEditor(root, make, button, told, send, retry) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets.push(sheet);
  /** @type {Given} */
  let given = /** @type {any} */ ({ strings: {} });
  let shown = '';
  let judged = '';
  /** @type {Item[]} */
  let items = [];
  /** @type {Item[][]} What undo goes back to. */
  let past = [];
  let selected = -1;
  let drawing = false;
  let zoom = 1;
  /** @type {Drag | undefined} */
  let drag;
  /** @type {ReturnType<typeof createRow>[]} */
  let rows = [];

  const image = make('img', { part: 'image', onload: render, onerror: render });
  const canvas = make('div', { part: 'canvas', role: 'group', tabIndex: -1 }, image);
  const viewport = make('section', { part: 'viewport' }, canvas);
  const status = make('div', { part: 'status', role: 'status' });
  const add = button('draw', draw);
  const list = make('fieldset', {}, make('div', {}, add, button('undo', undo)));
  // It must not lie in what can be disabled: checkers would hold it for something that can't have the focus.
  const scroll = make('section', {}, list);
  // No groups of their own to those who listen.
  const foot = make('fieldset', { role: 'none' }, send);
  const element = make('div', { part: 'boxes', onkeydown: press }, make('div', {}, viewport,
    button('zoom_out', () => magnify(0.5)), button('zoom_in', () => magnify(2)), status, retry),
  make('fieldset', { part: 'list', role: 'none' }, scroll, foot));

  canvas.onpointerdown = down;
  canvas.onpointermove = canvas.onpointerup = pull;
  canvas.onpointercancel = cancel;
  canvas.onwheel = (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    magnify(event.deltaY < 0 ? 1.25 : 0.8);
  };
  // A finger drags what is selected and draws; elsewhere it scrolls the page.
  canvas.ontouchstart = (event) => drag?.item && event.preventDefault();

  /** Width and height of the image; while it is unknown, what the boxes take up. */
  function size() {
    return image.naturalWidth ? [image.naturalWidth, image.naturalHeight] : given.imageSize ||
      [0, 1].map((axis) => Math.max(2, ...items.map(({ was: { box } }) => box[axis] + box[axis + 2] || 0)));
  }

  /** @param {number} length how many rows stay */
  function trim(length) {
    for (const { row, box } of rows.splice(length)) {
      row.remove();
      box.remove();
    }
  }

  /** @param {Item} item @param {number} index */
  function createRow({ was, label }, index) {
    const { strings, labels } = given;
    const onfocus = () => select(index);
    const choices = [
      (was.label ? VERDICTS.slice(0, 5) : VERDICTS.slice(4)).map((name) => new Option(strings['is_' + name], name)),
      labels[0] && Array.from(new Set([was.label, label, ...labels]), (name) => new Option(name)),
    ];
    const fields = FIELDS.map((part, at) => choices[at] ? make('select', { part, onfocus }, ...choices[at])
      : make('input', { part, onfocus, type: at > 1 ? 'number' : '', step: 'any', maxLength: 200 }));
    const name = make('div', { part: 'name' });
    const row = make('div', { part: 'row', role: 'group', onchange: (/** @type {Event} */ event) => read(event, index) }, name,
      ...fields.map((field, at) => make('label', {}, strings['box_' + FIELDS[at]] ?? FIELDS[at], field)));
    const onkeydown = (/** @type {KeyboardEvent} */ event) => press(event, index);
    const box = make('span', { part: 'box', role: 'button', tabIndex: 0, onfocus, onkeydown });
    list.append(row);
    canvas.append(box);
    return { row, box, fields, name };
  }

  /** @param {Item} item @param {number} index */
  function renderRow(item, index) {
    const { row, box, fields, name } = rows[index] ??= createRow(item, index);
    const { verdict, label, confidence } = item;
    const limits = size();
    row.ariaCurrent = box.ariaCurrent = /** @type {any} */ (index === selected);
    // There is no message that takes a verdict back.
    /** @type {any} */ (fields[0]).options[0].disabled = item.was.verdict;
    [verdict, label, ...item.box].forEach((value, at) => (fields[at].value = /** @type {any} */ (value)));
    row.ariaLabel = name.textContent = box.textContent = [
      index + 1, label, verdict ? given.strings['is_' + verdict] : confidence && Math.round(confidence * 100) + '%',
    ].join(' ');
    item.box.forEach((length, at) => box.style.setProperty(SIDES[at], (length / limits[at % 2]) * 100 + '%'));
  }

  function render() {
    const { imageSrc, strings } = given;
    const [width, height] = size();
    image.alt = imageSrc && image.complete && !image.naturalWidth ? strings.no_image : '';
    list.ariaLabel = canvas.ariaLabel = strings.boxes;
    foot.disabled = list.disabled = given.readOnly || !given.boxes;
    // By keyboard it is scrolled through what has the focus in it, and nothing disabled can.
    scroll.tabIndex = +list.disabled - 1;
    // Boxes in wrong places would jump when the image comes.
    element.ariaBusy = /** @type {any} */ (!image.complete && !given.imageSize);
    viewport.style.setProperty('--ratio', /** @type {any} */ (width / height));
    trim(items.length);
    items.forEach(renderRow);
  }

  /**
   * Show and tell a change.
   * @param {Item[]} next
   * @param {string} [words]
   */
  function show(next, words) {
    const item = next[selected];
    items = next;
    drawing = false;
    render();
    status.textContent = words ?? `${rows[selected].name.textContent} ${item.box} ${given.strings[lacks(item)] ?? ''}`;
    // A row that has gone may have had the focus.
    if (!root.activeElement) add.focus();
    told?.();
  }

  /**
   * Put a changed or a new item in its place.
   * @param {number} index
   * @param {Item} item
   * @param {boolean} [again] it goes on with the last change: one step for undo
   */
  function put(index, item, again) {
    if (list.disabled) return;
    if (!again) past.push(items);
    selected = index;
    // What a person has drawn just goes.
    if (item.verdict === 'false_positive' && !item.was.label) {
      return show(items.filter((_, at) => at !== index), given.strings['is_' + item.verdict]);
    }
    show(items.toSpliced(index, 1, item));
  }

  /** @param {number} index */
  function select(index) {
    selected = index;
    render();
  }

  /** Focus what is selected: where it lacks its label. */
  function enter() {
    const row = rows[selected];
    if (row?.fields[1].value) row.box.focus({ preventScroll: true });
    else row?.fields[1].focus();
  }

  /** @param {number} factor */
  function magnify(factor) {
    const ratio = clamp(zoom * factor, 1, 8) / zoom;
    zoom *= ratio;
    // The middle stays in its place. Where it is must be asked before the canvas becomes too small for it.
    const left = (viewport.scrollLeft + viewport.clientWidth / 2) * (ratio - 1);
    const top = (viewport.scrollTop + viewport.clientHeight / 2) * (ratio - 1);
    canvas.style.width = zoom * 100 + '%';
    viewport.scrollBy(left, top);
  }

  /** @param {Event} event from a field that was changed @param {number} index */
  function read({ target }, index) {
    const item = items[index];
    const { fields } = rows[index];
    const [verdict, label, ...box] = fields.map((field) => field.value.trim());
    put(index, changed(item, target === fields[0] ? { verdict } : {
      label: label || item.was.label, box: shift(box.map(Number), size()),
    }));
  }

  /** @param {KeyboardEvent} event @param {number} index of the box that has the focus */
  function press(event, index = -1) {
    const { key, ctrlKey, metaKey, shiftKey, altKey, repeat } = event;
    const target = /** @type {Element} */ (event.target);
    const item = items[index];
    // What is being typed has an undo of its own.
    if ((ctrlKey || metaKey) && key === 'z' && !target.matches('input')) undo();
    else if (key === 'Escape' && (drag || drawing)) cancel();
    else if (!item) return;
    else if (ARROWS[key]) {
      const by = ARROWS[key].map((step) => step * (shiftKey ? 10 : 1));
      put(index, changed(item, { box: shift(item.box, size(), altKey ? END : ALL, by) }), repeat);
    } else if (/^(Delete|Backspace)$/.test(key)) put(index, changed(item, { verdict: 'false_positive' }));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function cancel() {
    if (drag?.moved) undo();
    drag = undefined;
    drawing = false;
    render();
  }

  /** @param {MouseEvent} event @returns {[number[], number]} where it is in the image, and how many of its pixels a CSS pixel takes */
  function locate({ offsetX, offsetY }) {
    const scale = size()[0] / parseFloat(getComputedStyle(canvas).width);
    return [[offsetX * scale, offsetY * scale], scale];
  }

  /** @param {PointerEvent} event */
  function down(event) {
    if (drag || event.button) return;
    event.preventDefault();
    const [point, scale] = locate(event);
    const hits = hitsAt(items, point, REACH * scale);
    const held = hits.indexOf(items[selected]);
    const next = items.indexOf(hits[(held + 1) % hits.length]);
    if (drawing) selected = items.length;
    else if (held < 0 && event.pointerType !== 'touch') select(next);
    const item = drawing ? drawn([...point, 0, 0]) : hits.find((hit) => hit === items[selected]);
    const edges = held < 0 || drawing ? ALL : edgesAt(hits[held].box, point, REACH * scale);
    drag = { from: point, next, item, edges };
    canvas.setPointerCapture(event.pointerId);
    // Here Escape is heard.
    canvas.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  function pull(event) {
    if (!drag || !event.isPrimary) return;
    const { item, edges, from, next, moved } = drag;
    const [point, scale] = locate(event);
    const by = point.map((at, axis) => at - from[axis]);
    if (moved || Math.hypot(...by) > SLACK * scale) {
      // A new box grows to where the pointer goes.
      const pulled = item?.box[2] ? edges : [...by, ...by].map((way, side) => +(way < 0 === side < 2));
      drag.moved = true;
      if (item) put(selected, changed(item, { box: shift(item.box, size(), pulled, by) }), moved);
    }
    if (event.type === 'pointerup') {
      if (!drag.moved && !drawing) select(next);
      drag = undefined;
      enter();
    }
  }

  /** Take the last change back. */
  function undo() {
    const before = !list.disabled && past.pop();
    if (before) show(before, given.strings.undo);
  }

  /** Draw a missed object next; called again it puts a box there without dragging. */
  function draw() {
    if (drawing) {
      // In the middle, half as wide and high as the image.
      put(items.length, drawn([2, 2, 1, 1].map((by, side) => size()[side % 2] >> by)));
      return enter();
    }
    drawing = true;
    status.textContent = given.strings.drawing;
    render();
  }

  /** Forget all changes. */
  function reset() {
    items = (given.boxes ?? []).map(detected);
    past = [];
    selected = -1;
    render();
    status.textContent = items[0] ? '' : given.strings[given.boxes ? 'empty' : 'no_boxes'];
  }

  return {
    element,
    undo,
    draw,
    reset,

    /**
     * Hand over the complete verdicts but those that were sent already. What is sent now can be changed from then on,
     * but neither be taken back nor undone.
     * @param {(judgement: import('./verdicts.js').Judgement, first?: string) => string | false | void} take is given the
     *   id that was sent first of the same box, and returns that of what it sends
     */
    submit(take) {
      items.forEach((item, index) => {
        const { was } = item;
        const [one] = judgement(item, index);
        const said = JSON.stringify(one);
        const id = one && said !== was.said && take(one, was.first);
        if (id) {
          was.said = said;
          was.first ??= id;
          was.verdict = was.label ? 'correct' : 'missed_object';
          past = [];
          render();
        }
      });
    },

    /**
     * What is the same again changes nothing: nobody's work may be lost by that.
     * @param {Given} next
     */
    update(next) {
      if (shown === (shown = JSON.stringify(next))) return;
      // Set again it would be loaded again.
      if (given.imageSrc !== next.imageSrc) image.src = next.imageSrc || '';
      given = next;
      // In another language or with other labels all rows are made anew.
      trim(0);
      if (judged === (judged = JSON.stringify(next.boxes))) render();
      else reset();
    },
  };
}
