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
  const held = new Set();
  const found = stored.filter(({ id }) => !has(lane.items, id));
  // Shown at once, also while its page may still send it: a change of mind must name it.
  for (const item of found) for (const [host] of hosts.get(lane) || []) offer(host, item);
  for (const item of found) {
    const age = Date.now() - item.at;
    const chain = item.feedback.supersedes || item.id;
    const named = lane.items.some(({ feedback }) => feedback.supersedes === chain);
    if (held.has(chain) || (Math.abs(age) < FRESH && !named)) {
      // What comes after it must not overtake it, and what is done meanwhile may name it.
      held.add(chain);
      setTimeout(lane.run, FRESH);
      next.delete(lane);
      continue;
    }
    // A device that woke up in 1970 has not kept it for decades.
    if (age > WEEK && item.at > PLAUSIBLE) await expire(item);
    else taken.push(item);
  }
  // What was taken over at another time may be younger; what has no place is youngest.
  lane.items = [...taken, ...lane.items].sort((a, b) => (a.n ?? Infinity) - (b.n ?? Infinity));
  for (const item of taken) {
    item.state = 'queued';
    for (const [host, update] of hosts.get(lane) || []) if (host === item.owner) update();
  }
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
  lane.run();
}

/**
 * Show no more what is under way of a prediction; it is sent all the same.
 * @param {Lane | undefined} lane
 * @param {string} prediction
 */
export function forget(lane, prediction) {
  for (const item of lane?.items || []) if (item.feedback.prediction_id === prediction) item.owner = null;
}

/**
 * @param {Lane | undefined} lane
 * @param {Host} host
 */
export function unwatch(lane, host) {
  if (lane) hosts.get(lane)?.delete(host);
}
