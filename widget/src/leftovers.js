/** What other pages of this origin have left behind: a killed browser, a closed tab, a vote before a reload. */
import { attempt } from './storage.js';

/** @typedef {import('./queue.js').Item} Item */
/** @typedef {import('./queue.js').Lane} Lane */
/** @typedef {import('./parts.js').Host} Host */

const WEEK = 6048e5;
/** Younger actions of another page are still in that page's hands. */
const FRESH = 5e3;

/** @type {WeakMap<Lane, Set<Host>>} The elements that may show something of a lane. */
const hosts = new WeakMap();

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
  /** @type {Item[] | undefined} */
  const stored = await attempt((store) => store.getAll(IDBKeyRange.bound([lane.name], [lane.name, []])));
  if (!stored) return;
  lane.items = lane.items.filter((item) => item.done || has(stored, item.id));
  const found = stored.filter(({ id }) => !has(lane.items, id));
  for (const item of found.reverse()) {
    const age = Math.abs(Date.now() - item.at);
    if (age > WEEK) await expire(item);
    else if (age < FRESH) setTimeout(lane.run, FRESH);
    else {
      item.state = 'queued';
      lane.items.unshift(item);
      for (const host of hosts.get(lane) || []) offer(host, item);
    }
  }
}

/**
 * The service forgets the ids of deleted events after 30 days: what is sent too late could count twice.
 * @param {Item} item
 */
async function expire({ lane, id }) {
  console.error(`<seeme-feedback> gave up feedback ${id}: it could not be sent for 7 days`);
  await attempt((store) => store.delete([lane, id]));
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
