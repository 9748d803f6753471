// Draws one item. Texts of others (labels, notes, ids) are put in as text and never as markup.
import { localise, sharpen } from "../times.js";

export const $ = (id) => document.getElementById(id);

/** Make an element with properties and content. */
export function make(tag, properties = {}, ...content) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...content);
  return element;
}

export function percent(share) {
  const text = (share * 100).toFixed(1);
  if (["100.0", "0.0"].includes(text) && share !== 0 && share !== 1) return share > 0.5 ? ">99.9 %" : "<0.1 %";
  return `${text.replace(/\.0$/, "")} %`;
}

export const figure = (number) => String(Number(number.toPrecision(5)));

function time(at) {
  return make("time", { dateTime: at }, at.replace("T", " "));
}

const label = (text) => make("span", { className: "label" }, text);

/** What the model said, in words: for the title, and for those who hear it. */
export function said({ item, prediction }) {
  const { predicted_label: predicted } = item;
  const sure = item.confidence === null ? "" : `, ${percent(item.confidence)} sure`;
  if (prediction?.detections) return `The model found ${counted(prediction.detections.length, "object")}${sure && `; least sure ${percent(item.confidence)}`}`;
  if (predicted !== null) return `The model says ${predicted}${sure}`;
  if (prediction?.value != null) return `The model says ${figure(prediction.value)}${sure}`;
  return "The model gave no result";
}

/** What an item is about, in as few words as can be. */
export function subject({ item, prediction }) {
  if (prediction?.detections) return counted(prediction.detections.length, "object");
  return item.predicted_label ?? (prediction?.value == null ? item.prediction_id : figure(prediction.value));
}

export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** The image of an item, loaded as soon as the item is held. */
export function picture(task, setup) {
  if (!task.item.has_input) return null;
  const { prediction_id: id } = task.item;
  const source = `${setup.api}/predictions/${encodeURIComponent(id)}/input?model_id=${encodeURIComponent(setup.model)}`;
  task.image ??= make("img", { className: "input large", src: source, alt: "Input of the prediction" });
  return task.image;
}

function elsewhere(task) {
  const { input_url: url } = task.item;
  if (!url && (task.prediction?.features || task.prediction?.attributes)) return ""; // they are the input
  if (!url) return make("p", { className: "empty" }, "No image was uploaded for this prediction.");
  const link = /^https?:/.test(url) ? make("a", { href: url, rel: "noreferrer noopener nofollow", target: "_blank", className: "address" }, url) : url;
  return make("p", {}, "The input is at its source: ", link);
}

function drawPicture(task, setup) {
  const image = picture(task, setup);
  const place = $("picture");
  if (!image) return place.replaceChildren(elsewhere(task));
  if (setup.task === "detection") return place.replaceChildren();
  place.replaceChildren(image);
  sharpen(place);
  const broken = () => place.replaceChildren(make("p", { className: "notice bad" }, "The image couldn't be loaded."));
  if (image.complete && !image.naturalWidth) broken();
  else image.addEventListener("error", broken, { once: true });
  return undefined;
}

function fact(name, ...content) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, ...content));
}

function drawFacts({ item, prediction }, setup) {
  const rows = [];
  for (const values of [prediction?.features, prediction?.attributes]) {
    for (const [name, value] of Object.entries(values ?? {}).slice(0, 60)) rows.push(fact(name, String(value)));
  }
  if (prediction?.error) rows.push(fact("Error", prediction.error));
  $("facts").replaceChildren(...rows);
  const name = make("code", {}, item.prediction_id);
  $("about").replaceChildren(
    fact("Prediction", make("a", { href: `${setup.predictions}/${encodeURIComponent(item.prediction_id)}` }, name)),
    fact("Made", time(item.created_at)),
    fact("Log", make("a", { href: `${setup.items}/${encodeURIComponent(item.id)}` }, "Who did what")),
  );
}

/** Why an item is in the queue, and how many others it stands for. */
function drawReasons({ item, why }) {
  $("reasons").replaceChildren(...why.map((text) => make("li", {}, text[0].toUpperCase() + text.slice(1) + ".")));
  $("odds").textContent = odds(item.pi);
}

/** The inclusion probability in words. */
export function odds(pi) {
  if (pi === null) return "It came by feedback alone, so it doesn't enter the estimate of accuracy.";
  if (pi >= 1) return "Every such prediction is taken.";
  const many = 1 / pi;
  const rounded = many >= 10 ? Math.round(many).toLocaleString("en") : figure(Number(many.toFixed(1)));
  return `1 of ${rounded} such predictions is taken, so it stands for ${rounded} of them when the accuracy is estimated.`;
}

/** One piece of feedback in words. */
export function opinion(one) {
  if (one.feedback_type === "rating") return ["Vote taken back", "Thumbs up", "Thumbs down"][one.rating === 1 ? 1 : one.rating === -1 ? 2 : 0];
  const text = one.feedback_type.replaceAll("_", " ");
  const which = one.detection_index === null ? "" : ` (object ${one.detection_index + 1})`;
  const right = one.correct_label ?? (one.correct_value === null ? null : figure(one.correct_value));
  return text[0].toUpperCase() + text.slice(1) + which + (right === null ? "" : `: ${right}`);
}

function drawFeedback({ feedback }) {
  $("feedback-part").hidden = !feedback.length;
  $("feedback-list").replaceChildren(...feedback.map((one) => make("li", {}, label(opinion(one)), " ", make("span", { className: "why" }, time(one.created_at)),
    ...(one.notes ? [make("blockquote", { className: "note" }, one.notes)] : []))));
}

const SVG = "http://www.w3.org/2000/svg";

function bar(share) {
  const svg = document.createElementNS(SVG, "svg");
  const rect = document.createElementNS(SVG, "rect");
  for (const [name, value] of [["width", "100%"], ["height", "10"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  for (const [name, value] of [["width", `${share * 100}%`], ["height", "10"], ["rx", "2"]]) rect.setAttribute(name, value);
  svg.append(rect);
  return svg;
}

/** The best scores, where they don't stand on the labels' buttons. */
function drawScores({ prediction }, setup) {
  const scores = Object.entries(prediction?.scores ?? {}).sort(([, one], [, other]) => other - one).slice(0, 12);
  const shown = scores.length > 0 && !(setup.labels.length && setup.labels.length <= 9);
  $("scores-part").hidden = !shown;
  $("scores-list").replaceChildren(...(shown ? scores : []).map(([name, share]) => make("li", {},
    make("span", { className: "name", title: name }, name), bar(share), make("span", { className: "number" }, percent(share)))));
}

/** Show an item in its place. */
export function draw(task, setup) {
  $("item-title").replaceChildren(...title(task));
  $("second").hidden = !task.item.second;
  $("note").value = task.draft ?? "";
  drawPicture(task, setup);
  drawFacts(task, setup);
  drawReasons(task);
  drawFeedback(task);
  drawScores(task, setup);
  localise($("item"));
}

function title(task) {
  const text = said(task);
  const { predicted_label: predicted } = task.item;
  if (predicted === null || task.prediction?.detections) return [text];
  return ["The model says ", make("strong", { className: "label" }, predicted), text.slice(`The model says ${predicted}`.length)];
}
