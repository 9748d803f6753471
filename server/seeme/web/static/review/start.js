// The review page: what keys and buttons do, what is told, what is shown where.
import { $, counted, draw, make, picture, said, subject } from "./item.js";
import * as boxes from "./boxes.js";
import * as labels from "./labels.js";
import { LEASE, Queue } from "./queue.js";

const setup = JSON.parse($("setup").textContent);
const queue = new Queue(setup);
const IDLE = 180_000;
const LOOK = 20_000;
const SINGLE = "seeme-single-keys";
let usedAt = Date.now();
let view = "loading";
const counting = new Intl.NumberFormat("en");

/** Say something to those who listen; the same words again are said again. */
function announce(text) {
  const place = $("announce");
  place.textContent = place.textContent === text ? `${text} ` : text;
}

function told(tone, text) {
  $("told").className = `notice told ${tone}`;
  $("told-text").textContent = text;
  $("told").hidden = false;
  announce(text);
}

const shown = (id, is) => { $(id).hidden = !is; };

// What is shown

function showItem({ detail }) {
  const task = queue.current;
  const before = view;
  view = task ? "item" : queue.ended ? "ended" : queue.empty ? "nothing" : "loading";
  for (const name of ["item", "ended", "nothing", "loading"]) shown(name, name === view);
  if (task) {
    draw(task, setup);
    if (setup.task === "classification") labels.draw(task, setup);
    if (setup.task === "detection") boxes.draw(task, setup);
    if (setup.task === "regression") $("value").value = "";
    $("item-title").focus({ preventScroll: true });
    scrollTo({ top: Math.min(scrollY, $("item").getBoundingClientRect().top + scrollY - 12) });
    if (detail?.again) announce(`Taken back: ${detail.again.words}. Again: ${said(task)}.`);
  }
  showState();
  // The page looks again and again: only what is new moves the focus and is said.
  if (view === before || !["ended", "nothing"].includes(view)) return;
  $(view).focus({ preventScroll: true });
  if (view === "nothing") announce(`${$("nothing-title").textContent}. ${$("nothing-text").textContent}`);
}

function showState() {
  $("done").textContent = counting.format(queue.done);
  const { needs_review: open, in_review: held } = queue.counts;
  const mine = [queue.current, ...queue.ready].filter(Boolean).length;
  const others = Math.max(0, held - mine - queue.outbox.filter(({ kind }) => kind === "decide").length);
  $("open").textContent = counting.format(open + held);
  $("others").textContent = others ? `, ${counting.format(others)} held elsewhere` : "";
  showNothing(open, others);
  showLease();
  showTrouble();
  showHistory();
}

function showNothing(open, others) {
  const off = !setup.enabled;
  $("nothing-title").textContent = others && !open ? "Others hold the rest" : off && !open ? "Nothing to review" : open ? "Nothing for you" : "Nothing to review";
  $("nothing-text").textContent = others && !open
    ? `${counted(others, "item")} ${others === 1 ? "is" : "are"} with other reviewers or in another window of yours; what they give back comes here.`
    : open ? `${counted(open, "item")} ${open === 1 ? "is" : "are"} open, but you have skipped ${open === 1 ? "it" : "them"}, or made the first review: somebody else has to look.`
      : off ? "The queue is empty." : "Every prediction that was taken has been looked at. Well done.";
  if ($("engine-off")) shown("engine-off", !open && !others);
}

function showLease() {
  const left = queue.current ? queue.current.until - Date.now() : 0;
  const minutes = Math.max(1, Math.round(left / 60_000));
  $("lease").textContent = queue.current ? `Held by you (${setup.holder}) for ${counted(minutes, "minute")}; renewed while you work` : "";
}

function showTrouble() {
  const { trouble, outbox } = queue;
  const waiting = outbox.length ? ` ${outbox.length === 1 ? "1 decision is" : `${outbox.length} decisions are`} kept on this page and ${outbox.length === 1 ? "isn't" : "aren't"} saved yet.` : "";
  const text = trouble ? `${trouble.text}.${waiting} ${trouble.parked ? "" : "Trying again by itself."}` : "";
  if (text && text !== $("trouble-text").textContent) announce(text);
  $("trouble-text").textContent = text;
  shown("trouble", trouble);
  shown("sign-in", trouble?.status === 401);
}

const STATES = { waiting: "saving…", done: "saved", failed: "not saved", undoing: "taking back…", undone: "taken back" };
const TONES = { done: "good", failed: "bad", waiting: "warn", undoing: "warn" };

function showHistory() {
  const last = queue.history.slice(-6).reverse();
  shown("history-part", last.length);
  $("history-list").replaceChildren(...last.map(({ words, state, kind, task }) => make("li", {},
    make("span", { className: `badge ${TONES[state] ?? ""}` }, kind === "skip" && state === "done" ? "given back" : STATES[state]), " ",
    make("a", { className: "label", href: `${setup.items}/${encodeURIComponent(task.item.id)}` }, words))));
}

// What is done

const note = () => $("note").value.trim() || undefined;

function decide(decision, words, parts = {}) {
  queue.settle("decide", { decision, ...parts, note: note() }, `${subject(queue.current)}: ${words}`);
}

function chosen(label) {
  if (!ready()) return;
  shown("told", false);
  if (label === queue.current.item.predicted_label) decide("correct", "correct");
  else decide("corrected", label, { label });
}

function saveBoxes() {
  const { boxes: right, changed, missing } = boxes.judged();
  if (missing) return told("warn", "A box isn't complete: choose its label, or its place, or take the verdict back.");
  if (!changed) return decide("correct", "correct");
  return decide("corrected", `corrected to ${counted(right.length, "object")}`, { boxes: right });
}

const DO = {
  approve() {
    const state = setup.task === "detection" && boxes.judged();
    if (state && (state.changed || state.missing)) return told("warn", "You have changed boxes: Enter saves them as they are now, R puts them back.");
    return decide("correct", "correct");
  },
  unusable: () => decide("unusable", "unusable"),
  skip: () => queue.settle("skip", { note: note() }, `${subject(queue.current)}: skipped`),
  save() {
    if (setup.task === "detection") return saveBoxes();
    const value = $("value").valueAsNumber;
    if (setup.task !== "regression") return undefined;
    if (Number.isNaN(value)) return $("value").focus();
    return value === queue.current.prediction?.value ? decide("correct", "correct") : decide("corrected", String(value), { value });
  },
  undo() {
    const words = queue.undo();
    if (!words) announce("There is nothing to take back.");
  },
};

/** Whether there is something to decide just now. */
function ready() {
  if (queue.current && queue.busy) announce("One moment: the last decision is being taken back.");
  return queue.current && !queue.busy;
}

function act(name) {
  if (name === "undo") return DO.undo();
  if (!ready()) return undefined;
  shown("told", false);
  return DO[name]();
}

// Keys

const typing = (element) => element?.matches?.("input:not([type=checkbox]), textarea, select");
const pressing = (element) => element?.matches?.("button, a, summary, [role=option]");

const KEYS = {
  a: () => act("approve"),
  x: () => act("unusable"),
  s: () => act("skip"),
  u: () => act("undo"),
  n: () => queue.current && $("note").focus(),
  "/": () => queue.current && ($("other") && !$("combo").hidden ? $("other") : $("value"))?.focus(),
  "?": () => $("keys").showModal(),
};
const BOX_KEYS = {
  b: (event) => boxes.walk(event.shiftKey ? -1 : 1),
  d: () => $("boxes").draw(),
  r: () => { boxes.restore(queue.current); announce("All boxes are put back."); },
  l: () => $("box-labels").click(),
};

function digit(number) {
  if (!queue.current) return;
  if (setup.task === "classification") {
    const label = labels.ofKey(number);
    if (label !== undefined) chosen(label);
  } else if (setup.task === "detection" && !boxes.relabel(setup.labels[number - 1])) announce("Choose a box first: B goes to the next one.");
}

function leave(event, target) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey || target.id === "value") && target.id !== "other") {
    event.preventDefault();
    act(setup.task === "classification" ? "approve" : "save");
  } else if (event.key === "Escape") $("item-title").focus();
}

function pressed(event) {
  usedAt = Date.now();
  const target = event.composedPath()[0];
  if ($("keys").open || event.defaultPrevented || event.isComposing) return;
  if (typing(target)) return void leave(event, target);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.startsWith("Arrow") && setup.task === "classification" && queue.current && /Left|Right/.test(event.key)) return void labels.walk(event);
  if (event.key === "Enter" && !pressing(target)) return void enter(event);
  if (!$("single-keys").checked && event.key !== "?") return;
  const name = event.key.toLowerCase();
  const run = KEYS[name] ?? (setup.task === "detection" && queue.current ? BOX_KEYS[name] : undefined);
  if (event.repeat && name !== "b") return; // a key that is held down decides one item, not ten
  if (run) event.preventDefault(), run(event);
  else if (/^[0-9]$/.test(name)) event.preventDefault(), digit(Number(name));
}

function enter(event) {
  if (event.repeat) return;
  if (queue.ended) void queue.goOn();
  else if (setup.task === "detection") act("save");
  else return;
  event.preventDefault();
}

// Wiring

function wire() {
  document.addEventListener("keydown", pressed);
  for (const name of ["pointerdown", "pointermove", "scroll", "wheel"]) document.addEventListener(name, () => { usedAt = Date.now(); }, { passive: true });
  document.addEventListener("click", (event) => {
    const name = event.target.closest?.("[data-do]")?.dataset.do;
    if (name) act(name);
  });
  $("keys-button").addEventListener("click", () => $("keys").showModal());
  $("told-close").addEventListener("click", () => { shown("told", false); $("item-title").focus(); });
  $("retry").addEventListener("click", () => void queue.retry());
  $("go-on").addEventListener("click", () => void queue.goOn());
  $("note").addEventListener("input", ({ target }) => { if (queue.current) queue.current.draft = target.value; });
  $("boxes")?.addEventListener("seeme-change", () => boxes.tell());
  $("box-labels")?.addEventListener("change", ({ target }) => $("boxes").classList.toggle("bare", !target.checked));
  labels.listen(chosen);
  addEventListener("online", () => void queue.retry());
  addEventListener("pagehide", () => queue.leave());
  // Back from the browser's memory: what was held was given back.
  addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });
  addEventListener("beforeunload", (event) => { if (queue.outbox.length) event.preventDefault(); });
}

function remember() {
  const box = $("single-keys");
  try {
    box.checked = localStorage.getItem(SINGLE) !== "off";
    box.addEventListener("change", () => localStorage.setItem(SINGLE, box.checked ? "on" : "off"));
  } catch {
    // It holds for this page then.
  }
}

queue.addEventListener("item", showItem);
queue.addEventListener("change", showState);
queue.addEventListener("ready", ({ detail }) => { for (const task of detail) picture(task, setup); });
queue.addEventListener("told", ({ detail }) => told(detail.tone, detail.text));
queue.addEventListener("ended", showItem);
queue.addEventListener("settled", ({ detail: { words, kind } }) => {
  if (kind !== "undo") announce(`${kind === "skip" ? "Given back" : "Saved"}: ${words}. ${queue.current ? `Next: ${said(queue.current)}.` : ""}`);
});

wire();
remember();
// Loaded again, the page goes on with what it holds and doesn't ask for that item once more.
if (setup.item) history.replaceState(null, "", location.pathname);
void queue.start();
setInterval(() => {
  void queue.tick(!document.hidden && Date.now() - usedAt < IDLE);
  showLease();
}, LEASE / 60);
setInterval(() => { if (!document.hidden && !queue.current && !queue.ended && !queue.trouble) void queue.fill(); }, LOOK);
