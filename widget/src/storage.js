/** The unsent actions on disk (IndexedDB), so that they outlive the page and a killed browser. */

/** @typedef {import('./queue.js').Item} Item */
/** @typedef {import('./queue.js').Kept} Kept */

/**
 * Storage that fails or hangs (private mode, a full disk, a sandboxed frame) must not keep anything from being sent.
 * @template T
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @param {boolean} [create] Without it nothing is left behind in the browsers of people who never clicked.
 * @returns {Promise<T | undefined>} when it is on disk; undefined when it can't be done
 */
export const attempt = (work, create) => new Promise((resolve) => {
  const fail = () => resolve(undefined);
  setTimeout(fail, 2e3);
  try {
    const open = indexedDB.open('seeme-feedback', 1);
    open.onupgradeneeded = () => create
      ? open.result.createObjectStore('items', { keyPath: 'n', autoIncrement: true })
      : /** @type {IDBTransaction} */ (open.transaction).abort();
    open.onerror = fail;
    open.onsuccess = () => {
      // Relaxed durability would lose what a power cut finds in the system's cache.
      const transaction = open.result.transaction('items', 'readwrite', { durability: 'strict' });
      const request = work(transaction.objectStore('items'));
      transaction.onabort = fail;
      transaction.oncomplete = () => resolve(request.result);
      // It closes when it is done: an open one would keep the page out of the back/forward cache.
      open.result.close();
    };
  } catch {
    fail();
  }
});

/**
 * Keep an action under the next number: clocks jump, and what was done first must be sent first.
 * @param {Kept} kept
 */
export const keep = (kept) =>
  /** @type {Promise<number | undefined>} */ (attempt((store) => store.put(kept), true));

/** @param {number} n */
export const drop = (n) => attempt((store) => store.delete(n));

/**
 * Everything that is kept, by its place; apart from writing, which must not wait for it.
 * @returns {Promise<Item[] | undefined>} undefined when nothing can be kept, or nothing ever was
 */
export const everything = () => new Promise((resolve) => {
  const open = indexedDB.open('seeme-feedback', 1);
  open.onupgradeneeded = () => /** @type {IDBTransaction} */ (open.transaction).abort();
  open.onerror = () => resolve(undefined);
  open.onsuccess = () => {
    const all = open.result.transaction('items', 'readonly').objectStore('items').getAll();
    all.onsuccess = () => resolve(all.result);
    all.onerror = () => resolve(undefined);
    open.result.close();
  };
});

/** How many are kept, by this page or others. */
export const left = () => attempt((store) => store.count());
