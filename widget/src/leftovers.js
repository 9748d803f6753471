/** What other pages of this origin have left behind: a killed browser, a closed tab, a vote before a reload. */
import { attempt, everything } from './storage.js';

/** @typedef {import('./queue.js').Item} Item */
/** @typedef {import('./queue.js').Lane} Lane */
/** @typedef {import('./parts.js').Host} Host */

const WEEK = 6048e5;
/** No clock that is set shows an earlier time. */
const PLAUSIBLE = Date.UTC(2024, 0);
/** Younger actions of another page are still in that page's hands. */
const FRESH = 5e3;

/** @type {WeakMap<Host, Set<string>>} The ids of what each element has shown. */
const shown = new WeakMap();
/** Reading more often would only keep the disk from writing, in milliseconds. */
const PAUSE = 1e3;
/** @type {WeakMap<Lane, number>} When each is to be read again. */
const next = new WeakMap();
/** @type {WeakMap<Lane, Item[]>} What is still in the hands of other pages. */
const elsewhere = new WeakMap();
/** @type {WeakMap<Lane, Map<Host, () => void>>} The elements that may show something of a lane, and what shows it. */
const hosts = new WeakMap();
/** So many are kept before those that have left the page are looked for. */
let room = 100;

/**
 * @param {Item[]} items
 * @param {string} wanted
 */
const has = (items, wanted) => items.some(({ id }) => id === wanted);

/**
 * The first action of those that replace each other.
 * @param {Item} item
 */
const chainOf = ({ id, feedback }) => feedback.supersedes || id;

/**
 * Let an element show what is under way of its prediction.
 * @param {Host} host
 * @param {Item} item
 */
function offer(host, item) {
  const { owner, feedback, id } = item;
  if (feedback.prediction_id !== host.predictionId || owner === null || owner?.isConnected) return;
  const seen = shown.get(host) || new Set();
  shown.set(host, seen);
  // Shown once: what the person has done since must not be covered by it.
  if (seen.has(id)) item.owner = host;
  else host.adopt(item);
  seen.add(id);
}

/**
 * Take over what is kept of a lane, and leave to other pages what they have seen to.
 * @param {Lane} lane
 */
async function refresh(lane) {
  if (performance.now() < (next.get(lane) ?? 0)) return;
  next.set(lane, performance.now() + PAUSE);
  // Storage that throws or hangs must not hold anything up.
  const all = await Promise.race([
    Promise.resolve().then(everything).catch(() => undefined),
    new Promise((resolve) => setTimeout(resolve, 2e3)),
  ]);
  if (!all) return;
  const stored = /** @type {Item[]} */ (all).filter((item) => item.lane === lane.name);
  lane.items = lane.items.filter((item) => item.done || has(stored, item.id));
  const taken = [];
  const left = [];
  const held = new Set();
  const found = stored.filter(({ id }) => !has(lane.items, id));
  // Shown at once, also while its page may still send it: a change of mind must name it.
  for (const item of found) for (const [host] of hosts.get(lane) || []) offer(host, item);
  for (const item of found) {
    const age = Date.now() - item.at;
    const chain = chainOf(item);
    const named = lane.items.some(({ feedback }) => feedback.supersedes === chain);
    if (held.has(chain) || (Math.abs(age) < FRESH && !named)) {
      // What comes after it must not overtake it, and what is done meanwhile may name it.
      held.add(chain);
      left.push(item);
      setTimeout(lane.run, FRESH);
      next.delete(lane);
      continue;
    }
    // A device that woke up in 1970 has not kept it for decades.
    if (age > WEEK && item.at > PLAUSIBLE) await expire(item);
    else taken.push(item);
  }
  elsewhere.set(lane, left);
  take(lane, taken);
}

/**
 * See to what another page has left behind.
 * @param {Lane} lane
 * @param {Item[]} items
 */
function take(lane, items) {
  // What was taken over at another time may be younger. What has no place, as the disk was slow, stays before its next.
  const places = new Map();
  let place = Infinity;
  for (const item of [...items, ...lane.items].reverse()) places.set(item, (place = item.n ?? place));
  lane.items = [...items, ...lane.items].sort((a, b) => places.get(a) - places.get(b));
  for (const item of items) {
    item.state = 'queued';
    for (const [host, update] of hosts.get(lane) || []) if (host === item.owner) update();
  }
}

/**
 * What is named by a change of mind has to go before it, whoever's hands it is in.
 * @param {Lane} lane
 * @param {string | undefined} chain
 */
function claim(lane, chain) {
  const left = elsewhere.get(lane) || [];
  const named = left.filter((item) => chainOf(item) === chain && !has(lane.items, item.id));
  elsewhere.set(lane, left.filter((item) => !named.includes(item)));
  take(lane, named);
}

/**
 * The service forgets the ids of deleted events after 30 days: what is sent too late could count twice.
 * @param {Item} item
 */
async function expire({ n = 0, id }) {
  console.error(`<seeme-feedback> gave up feedback ${id}: it could not be sent for 7 days`);
  await attempt((store) => store.delete(n));
}

/**
 * Let an element take part in what is left behind in its lane.
 * @param {Lane} lane
 * @param {Host} host
 * @param {() => void} update
 */
export function watch(lane, host, update) {
  const known = hosts.get(lane);
  if (known?.has(host)) return;
  hosts.set(lane, (known || new Map()).set(host, update));
  if (known && known.size > room) {
    for (const other of known.keys()) if (!other.isConnected) known.delete(other);
    room = 2 * known.size;
  }
  for (const item of lane.items) offer(host, item);
  if (known) return;
  lane.refresh = () => refresh(lane);
  const { add } = lane;
  lane.add = (kept, about) => {
    claim(lane, kept.feedback.supersedes);
    return add(kept, about);
  };
  lane.run();
}

/**
 * Show no more what is under way of a prediction; it is sent all the same.
 * @param {Lane | undefined} lane
 * @param {string} prediction
 * @param {boolean} [reset] only what this page has made and a reset has taken from its element
 */
export function forget(lane, prediction, reset) {
  for (const item of lane?.items || []) {
    if (item.feedback.prediction_id === prediction && (!reset || item.done && !item.owner)) item.owner = null;
  }
}

/**
 * @param {Lane | undefined} lane
 * @param {Host} host
 */
export function unwatch(lane, host) {
  if (lane) hosts.get(lane)?.delete(host);
}
