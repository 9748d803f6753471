// The labels to choose from: nine with keys (digits have their own), all the others in a list that typing narrows.
import { $, make, percent } from "./item.js";

const KEYS = 9;
const MOST_SHOWN = 50;
let choose = () => {};
let all = [];
let free = false;
let active = -1;

/** Listen; `chosen` is called with a label. */
export function listen(chosen) {
  choose = chosen;
  const input = $("other");
  if (!input) return;
  $("labels").addEventListener("keydown", walk);
  input.addEventListener("input", () => narrow());
  input.addEventListener("focus", () => narrow());
  input.addEventListener("blur", () => close());
  input.addEventListener("keydown", typed);
  // Before the field loses the focus, which closes the list.
  $("other-list").addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    event.preventDefault();
    if (option) take(option.dataset.label);
  });
}

/** Show the labels for an item. */
export function draw(task, setup) {
  const { prediction, item, feedback } = task;
  const predicted = item.predicted_label;
  free = !setup.labels.length;
  const wished = feedback.map((one) => one.correct_label).filter(Boolean);
  const known = free ? [predicted, ...wished, ...byScore(prediction?.scores)].filter((one) => one !== null) : setup.labels;
  all = [...new Set(known)];
  const first = keyed();
  $("labels").replaceChildren(...first.map((label, at) => button(label, at, predicted, prediction?.scores?.[label], wished)));
  $("labels").hidden = !first.length;
  const start = Math.max(0, first.indexOf(predicted));
  [...$("labels").children].forEach((one, at) => { one.tabIndex = at === start ? 0 : -1; });
  $("combo").hidden = !free && all.length <= first.length;
  $("other").value = "";
  $("other").placeholder = free ? "Type the right label" : `Type to find one of ${all.length}`;
  close();
}

const byScore = (scores) => Object.entries(scores ?? {}).sort(([, one], [, other]) => other - one).map(([name]) => name);

function button(label, at, predicted, score, wished) {
  const marks = [];
  if (label === predicted) marks.push(make("span", { className: "badge" }, "predicted"));
  if (wished.includes(label)) marks.push(make("span", { className: "badge warn" }, "a user says so"));
  const share = score === undefined ? [] : [make("span", { className: "number why" }, percent(score))];
  const key = make("kbd", {}, keyOf(label, at));
  key.setAttribute("aria-hidden", "true");
  const name = make("span", { className: "naming" }, make("span", { className: "label" }, label), ...marks.flatMap((mark) => [" ", mark]));
  const one = make("button", { type: "button", onclick: () => choose(label) }, key, name, ...share);
  one.setAttribute("aria-keyshortcuts", keyOf(label, at));
  return one;
}

/** Whether the labels are digits: then each is its own key, as anybody would think. */
const areDigits = () => !free && all.every((label) => /^[0-9]$/.test(label));
const keyed = () => (areDigits() ? all : all.slice(0, KEYS));
const keyOf = (label, at) => (areDigits() ? label : String(at + 1));

/** The label of a digit's key. */
export const ofKey = (digit) => keyed().find((label, at) => keyOf(label, at) === String(digit));

/** Go from label to label with the arrows; from elsewhere to the one that the model said. */
export function walk(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const buttons = [...$("labels").children];
  if (!step || !buttons.length) return;
  const at = buttons.indexOf(document.activeElement);
  const next = at < 0 ? buttons.findIndex((one) => one.tabIndex === 0) : (at + step + buttons.length) % buttons.length;
  for (const one of buttons) one.tabIndex = -1;
  buttons[next].tabIndex = 0;
  buttons[next].focus();
  event.preventDefault();
  event.stopPropagation();
}

function found() {
  const typed = $("other").value.trim().toLocaleLowerCase();
  const fits = all.filter((label) => label.toLocaleLowerCase().includes(typed));
  return fits.sort((one, other) => !one.toLocaleLowerCase().startsWith(typed) - !other.toLocaleLowerCase().startsWith(typed));
}

function narrow() {
  const fits = found();
  const own = $("other").value.trim();
  const options = fits.slice(0, MOST_SHOWN).map((label) => [label, label]);
  if (free && own && !all.includes(own)) options.unshift([own, `New label: ${own}`]);
  active = own && options.length ? 0 : -1;
  const items = options.map(([label, text], at) => {
    const item = make("li", { id: `option-${at}`, role: "option" }, text);
    item.dataset.label = label;
    return item;
  });
  const list = $("other-list");
  list.replaceChildren(...items);
  if (fits.length > MOST_SHOWN) list.append(make("li", { role: "presentation", className: "why" }, `and ${fits.length - MOST_SHOWN} more: type on`));
  if (!options.length) list.append(make("li", { role: "presentation", className: "why" }, "No label of the model fits"));
  list.hidden = false;
  $("other").setAttribute("aria-expanded", String(options.length > 0));
  mark();
}

function mark() {
  const options = [...$("other-list").querySelectorAll("[role=option]")];
  options.forEach((one, at) => one.setAttribute("aria-selected", String(at === active)));
  if (active < 0) $("other").removeAttribute("aria-activedescendant");
  else $("other").setAttribute("aria-activedescendant", options[active].id);
  options[active]?.scrollIntoView({ block: "nearest" });
}

function close() {
  $("other-list").hidden = true;
  $("other").setAttribute("aria-expanded", "false");
  $("other").removeAttribute("aria-activedescendant");
}

function take(label) {
  close();
  choose(label);
}

function typed(event) {
  const options = [...$("other-list").querySelectorAll("[role=option]")];
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if ($("other-list").hidden) narrow();
    const by = event.key === "ArrowDown" ? 1 : -1;
    active = options.length ? (active + by + options.length + (active < 0 && by < 0)) % options.length : -1;
    mark();
  } else if (event.key === "Enter" && active >= 0) take(options[active].dataset.label);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
