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

/** Reading more often would only keep the disk from writing, in milliseconds. */
const PAUSE = 1e3;
/** @type {WeakMap<Lane, number>} When each was read last. */
const read = new WeakMap();
/** @type {WeakMap<Lane, Set<Host>>} The elements that may show something of a lane. */
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
  const { owner, feedback } = item;
  if (feedback.prediction_id === host.predictionId && owner !== null && !owner?.isConnected) host.adopt(item);
}

/**
 * Take over what is kept of a lane, and leave to other pages what they have seen to.
 * @param {Lane} lane
 */
async function refresh(lane) {
  const now = performance.now();
  if (now - (read.get(lane) ?? -PAUSE) < PAUSE) return;
  read.set(lane, now);
  // Storage that throws or hangs must not hold anything up.
  const all = await Promise.race([
    Promise.resolve().then(everything).catch(() => undefined),
    new Promise((resolve) => setTimeout(resolve, 2e3)),
  ]);
  if (!all) return;
  const stored = /** @type {Item[]} */ (all).filter((item) => item.lane === lane.name);
  lane.items = lane.items.filter((item) => item.done || has(stored, item.id));
  const taken = [];
  for (const item of stored.filter(({ id }) => !has(lane.items, id))) {
    const age = Date.now() - item.at;
    if (Math.abs(age) < FRESH) {
      // What comes after it must not overtake it.
      setTimeout(lane.run, FRESH);
      break;
    }
    // A device that woke up in 1970 has not kept it for decades.
    if (age > WEEK && item.at > PLAUSIBLE) await expire(item);
    else taken.push(item);
  }
  // What was taken over at another time may be younger; what has no place is youngest.
  lane.items = [...taken, ...lane.items].sort((a, b) => (a.n ?? Infinity) - (b.n ?? Infinity));
  for (const item of taken) {
    item.state = 'queued';
    for (const host of hosts.get(lane) || []) offer(host, item);
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
 */
export function watch(lane, host) {
  const known = hosts.get(lane);
  if (known?.has(host)) return;
  hosts.set(lane, (known || new Set()).add(host));
  if (known && known.size > room) {
    for (const other of known) if (!other.isConnected) known.delete(other);
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
