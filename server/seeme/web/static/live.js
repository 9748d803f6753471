// Keeps a model's page fresh: asks in a few bytes whether its feedback changed, and fetches the page again when it did.
import { localise, sharpen } from "./times.js";

const EVERY = 4000;
const rows = document.getElementById("feedback-rows");
const state = document.querySelector("[data-live-state]");
let failures = 0;

const say = (text) => { if (state && state.textContent !== text) state.textContent = text; };
const known = () => new Set([...rows.querySelectorAll("[data-id]")].map((row) => row.dataset.id));
const held = document.getElementById("quarantine-groups");
const busy = () => [rows, held].some((part) => part.contains(document.activeElement) || part.querySelector("details[open], :checked"));

async function fetched(address, accept) {
  const answer = await fetch(address, { headers: { accept }, redirect: "manual", cache: "no-store" });
  if (answer.type === "opaqueredirect" || answer.status === 401) throw new Error("signed out");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer;
}

function swap(fresh) {
  const before = known();
  for (const part of document.querySelectorAll("[data-live]")) {
    const replacement = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (replacement) part.replaceChildren(...replacement.childNodes);
    localise(part);
    sharpen(part);
  }
  const data = fresh.getElementById("chart-data");
  if (data) {
    document.getElementById("chart-data").textContent = data.textContent;
    dispatchEvent(new Event("seeme-refreshed"));
  }
  let arrived = 0;
  for (const row of rows.querySelectorAll("[data-id]")) {
    if (before.has(row.dataset.id)) continue;
    row.classList.add("fresh");
    arrived += 1;
  }
  return arrived;
}

async function look() {
  const { digest } = await (await fetched(rows.dataset.latest, "application/json")).json();
  if (digest === rows.dataset.digest) return say("Live: new feedback appears by itself.");
  // Somebody is about to press a button here: don't pull it away from under the pointer.
  if (busy()) return say("New feedback has arrived; it appears when you are done here.");
  const fresh = new DOMParser().parseFromString(await (await fetched(location.href, "text/html")).text(), "text/html");
  const arrived = swap(fresh);
  rows.dataset.digest = fresh.getElementById("feedback-rows").dataset.digest;
  return say(arrived ? `${arrived} new: just now.` : "Updated just now.");
}

async function turn() {
  let wait = EVERY;
  if (!document.hidden) {
    try {
      await look();
      failures = 0;
    } catch (problem) {
      if (problem.message === "signed out") return say("You were signed out. Load the page again to sign in.");
      failures += 1;
      wait = Math.min(60_000, EVERY * 2 ** failures);
      say("The service doesn't answer; trying again.");
    }
  }
  return setTimeout(turn, wait);
}

if (rows && !("paged" in rows.dataset)) {
  say("Live: new feedback appears by itself.");
  setTimeout(turn, EVERY);
}
