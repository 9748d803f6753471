/** Actions on their way: kept before they are sent, in order, by one page of the browser at a time, until they are answered. */
import { post } from './service.js';
import { drop, keep } from './storage.js';

/** @typedef {import('./service.js').Answer} Answer */
/** @typedef {import('./feedback-widget.js').Feedback} Feedback */

/**
 * What is kept on disk of an action.
 * @typedef {object} Kept
 * @property {string} lane
 * @property {string} id
 * @property {number} at when it was made, in milliseconds
 * @property {Feedback} feedback
 */

/**
 * @typedef {object} About
 * @property {'sending' | 'success' | 'queued' | 'error'} [state] `error` waits for somebody, `queued` for its time
 * @property {Answer} [answer] the last one; empty while the first request is on its way
 * @property {HTMLElement & { settle(item: Item): void } | null} [owner] the element that shows it; null when none shall
 * @property {boolean} [brief] sent once more at most, and not on disk: with `no-queue`, or once answered
 * @property {number} [n] its place on disk; undefined when it is in memory alone
 * @property {Promise<unknown>} [ready] when it is known whether it is on disk
 * @property {(stored: boolean) => void} [done] called after the first attempt
 */

/** @typedef {Kept & About} Item */
/** @typedef {ReturnType<typeof createLane>} Lane */

/**
 * What goes to one model of one service.
 * @param {string} name
 * @param {string} address of the service
 */
function createLane(name, address) {
  let failures = 0;
  /** Why nothing is sent now: 'queued' until a time that no clock tells, 'error' when the key was refused. */
  let block = /** @type {'' | 'queued' | 'error'} */ ('');
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let last = Promise.resolve();
  /** @type {Promise<void> | undefined} The pass that has not begun: whatever is done before it begins, it sees. */
  let waiting;

  const lane = {
    name,
    address,
    key: '',
    /** @type {Item[]} Everything unsent that this page sees to, in its order. */
    items: [],
    /** Looks first at what other pages have sent or left behind, where that is to be expected. */
    /** @type {() => Promise<void> | void} */
    refresh() {},

    /**
     * Keep an action, then send it.
     * @param {Kept} kept
     * @param {About} about
     * @returns {Promise<boolean>} whether the service has stored it, after the first attempt
     */
    add(kept, about) {
      /** @type {Item} */
      const item = { ...kept, ...about, state: 'sending' };
      if (!item.brief) item.ready = keep(kept).then((n) => (item.n = n));
      lane.items.push(item);
      lane.run();
      return new Promise((resolve) => (item.done = resolve));
    },

    /** Try again now, whatever was refused or was to be waited for. */
    flush() {
      for (const item of lane.items) item.state = 'sending';
      return lane.resume();
    },

    /** Send again what waits for its time. */
    resume() {
      block = '';
      return lane.run();
    },

    /**
     * Send what waits, after what is being sent, while no other page of this origin sends.
     * No locks without https and in sandboxed frames: then the ids alone keep a repeated action from counting twice.
     */
    run: () => waiting ??= last = last.then(() => navigator.locks.request(name, pass)).catch(pass),
  };

  /** @param {object} body */
  const send = (body) => post(address + '/v1/feedback', lane.key, body);

  async function pass() {
    waiting = undefined;
    await lane.refresh();
    // A wait that ends meanwhile ends for the next pass: what this one has left behind must not be overtaken.
    let held = block;
    for (const item of lane.items) {
      const { state } = item;
      if (state === 'error') {
        // What was refused with its key keeps back those behind it, until it is tried again.
        if (!item.brief) held = block = state;
        continue;
      }
      await item.ready;
      // One that fails keeps back those behind it: they must not overtake it.
      if (held) item.state = item.brief ? 'error' : block || state;
      else {
        // Only when it is off the disk, too: until then it is being sent.
        item.state = await attempt(item);
        held = block;
      }
      lane.items = lane.items.filter((other) => other.state !== 'success');
      if (item.state !== state) item.owner?.settle(item);
      item.done?.(item.state === 'success');
    }
  }

  /**
   * @param {Item} item
   * @returns {Promise<Item['state']>} what it is now
   */
  async function attempt(item) {
    item.answer ||= /** @type {any} */ ({});
    const { ok, status, wait } = (item.answer = await send(item.feedback));
    if (/40[13]/.test(/** @type {any} */ (status))) return block = 'error';
    if (!ok && !item.brief && /^[025]|408|429/.test(/** @type {any} */ (status))) {
      clearTimeout(timer);
      // Pages that failed together must not come back together.
      timer = setTimeout(lane.resume, (/** @type {any} */ (wait) > 0 ? Math.min(/** @type {any} */ (wait), 3600) : Math.min(2 ** failures++, 60)) * (1e3 + Math.random() * 500));
      return block = 'queued';
    }
    failures = 0;
    if (item.n) await drop(item.n);
    item.brief = true;
    return ok ? 'success' : 'error';
  }

  addEventListener('online', lane.resume);
  addEventListener('pagehide', () => {
    // What has had no turn goes now, behind all that is ahead of it: in one request nothing overtakes.
    if (lane.items.some((item) => !item.answer)) {
      send({ items: lane.items.slice(0, 20).map(({ feedback }) => feedback) });
    }
  });
  return lane;
}

/** @type {Record<string, Lane>} */
const lanes = {};

/**
 * The one lane of a model and a service. The key is no part of it: another key may send what one has left.
 * @param {string} address
 * @param {string} model
 */
export const laneOf = (address, model) => lanes[address + ' ' + model] ??= createLane(address + ' ' + model, address);
