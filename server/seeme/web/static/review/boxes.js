// The box editor of a detection: what goes in, and which boxes are right after all that was done in it.
import { $, counted, picture } from "./item.js";

/** With more boxes than this their labels would cover the objects. */
const CROWD = 12;
/** What the model found in the image that is shown. */
let found = [];

/** Show the boxes of an item: the model's, or as somebody had corrected them before that was taken back. */
export function draw(task, setup) {
  const editor = $("boxes");
  const { prediction } = task;
  found = (prediction?.detections ?? []).map(({ label, box }) => ({ label, box }));
  // A box that nobody touches is right when the item is decided.
  editor.strings = { is_: "Unchanged" };
  editor.labels = setup.labels;
  editor.imageSize = prediction?.image_size ?? undefined;
  editor.imageSrc = picture(task, setup)?.src ?? "";
  const given = prediction?.detections ?? [];
  editor.boxes = task.edited?.map((box) => given.find((one) => same(one, box)) ?? box) ?? given;
  editor.classList.toggle("crowded", editor.boxes.length > CROWD);
  // Two items may have the same boxes, and the editor keeps changes then.
  editor.reset?.();
  tell();
}

const same = (one, other) => one.label === other.label && String(one.box) === String(other.box);

/** The boxes that are right by the verdicts; `missing` is how many verdicts aren't complete. */
export function judged() {
  const editor = $("boxes");
  const boxes = (editor.boxes ?? []).map(({ label, box }) => ({ label, box }));
  const drawn = [];
  const value = editor.value ?? [];
  for (const { feedback_type: kind, detection_index: at, correct_label: label, box } of value) {
    if (kind === "missed_object") drawn.push({ label, box });
    else if (kind === "false_positive") boxes[at] = null;
    else boxes[at] = { label: label ?? boxes[at].label, box: box ?? boxes[at].box };
  }
  const right = [...boxes.filter(Boolean), ...drawn];
  const changed = right.length !== found.length || right.some((one, at) => !same(one, found[at]));
  return { boxes: right, changed, missing: begun() - value.length };
}

/** How many rows of the editor have a verdict, complete or not. */
function begun() {
  const rows = $("boxes").shadowRoot?.querySelectorAll("[part=row] select[part=verdict]") ?? [];
  return [...rows].filter(({ value }) => value).length;
}

/** Say what would be saved. */
export function tell() {
  const { boxes, changed, missing } = judged();
  $("save").hidden = !changed && !missing;
  $("save").classList.toggle("primary", changed);
  $("approve").classList.toggle("primary", !changed && !missing);
  $("changes").textContent = missing ? `${counted(missing, "box").replace("boxs", "boxes")} still without what is right.`
    : changed ? `With your changes ${boxes.length === 1 ? "1 object is" : `${boxes.length} objects are`} right.` : "Nothing is changed.";
}

/** Put back what the model found. */
export function restore(task) {
  const editor = $("boxes");
  editor.boxes = task.prediction?.detections ?? [];
  editor.reset();
  tell();
}

/** Go to the next box, or to the one before. */
export function walk(by) {
  const root = $("boxes").shadowRoot;
  const boxes = [...root?.querySelectorAll("[part=box]") ?? []];
  if (!boxes.length) return;
  const at = boxes.indexOf(root.activeElement);
  boxes[at < 0 ? (by > 0 ? 0 : boxes.length - 1) : (at + by + boxes.length) % boxes.length].focus();
}

/** Give the chosen box a label; tell whether there was one. */
export function relabel(label) {
  const root = $("boxes").shadowRoot;
  const at = [...root?.querySelectorAll("[part=box]") ?? []].indexOf(root?.activeElement);
  const field = root?.querySelectorAll("[part=row]")[at]?.querySelector("[part=label]");
  if (!field || label === undefined) return false;
  field.value = label;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}
