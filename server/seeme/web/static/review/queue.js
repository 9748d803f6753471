// What a reviewer holds, and what was decided but isn't stored yet. No document here: the page listens for `item`,
// `change`, `told` and `ended`.
import { Refused, call, leave } from "./calls.js";

/** For how long items are leased; while the page is used leases are renewed at half of it. */
export const LEASE = 300_000;
/** How many items are held ready behind the one that is shown. */
const AHEAD = 3;
const LONGEST_WAIT = 30_000;
/** After so many decisions the service is asked again how far the work is. */
const RECOUNT = 10;

const NOTHING = { held: [], outbox: [], chosen: "", left: false };

/** The items of one sitting. */
export class Queue extends EventTarget {
  current = null;
  ready = [];
  /** Decisions in the order in which they were made; `state` is waiting, done, failed, undoing or undone. */
  history = [];
  /** What has still to be sent, one after the other. */
  outbox = [];
  /** What keeps the page from the service; null when all is well. */
  trouble = null;
  /** All leases have ended; nothing is claimed until a person comes back. */
  ended = false;
  /** The service was asked and had nothing for this reviewer. */
  empty = false;
  counts;
  #asked = 0;
  /** The item that was chosen by hand; the others come in the queue's order. */
  #chosen = "";
  #uncounted = 0;
  #setup;
  #store;
  #filling = false;
  #sending = false;
  #tries = 0;
  #timer = 0;

  constructor(setup) {
    super();
    this.#setup = setup;
    this.#store = `seeme-review ${setup.model} ${setup.key}`;
    this.counts = setup.counts;
  }

  /** How many are stored in this sitting. */
  get done() {
    return this.history.filter(({ kind, state }) => kind === "decide" && (state === "done" || state === "undoing")).length;
  }

  /** A decision is being taken back; its item comes next, so nothing else should be decided meanwhile. */
  get busy() {
    return this.history.some(({ state }) => state === "undoing");
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #call(method, path, body) {
    return call(this.#setup.api, method, path, body);
  }

  #item(id, verb, body) {
    return this.#call("POST", `review/${encodeURIComponent(id)}/${verb}?model_id=${encodeURIComponent(this.#setup.model)}`, body);
  }

  /** Go on with what this window held before it was loaded again, and with the item that the address names. */
  async start() {
    const kept = this.#kept();
    for (const { id, kind, body, words } of kept.outbox) this.#queue({ task: { item: { id } }, kind, body, words, state: "waiting", tried: true });
    void this.send();
    this.#chosen = this.#setup.item || kept.chosen;
    if (kept.left && kept.chosen && !this.#setup.item) await this.#fetch(kept.chosen);
    for (const id of new Set([this.#setup.item, ...kept.held].filter(Boolean))) await this.#resume(id);
    this.#next();
    await this.fill();
    // The page was made before the one that it replaces gave its items back.
    if (kept.left) await this.count();
  }

  async #resume(id) {
    const asked = Date.now();
    try {
      this.#take([await this.#item(id, "renew", { lease_seconds: LEASE / 1000 })], asked);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (id === this.#setup.item) await this.#fetch(id);
    }
  }

  /** Claim one item by its id; that is out of the queue's order, and the service marks it. */
  async #fetch(id) {
    const asked = Date.now();
    try {
      this.#take((await this.#call("POST", "review/claim", { model_id: this.#setup.model, ids: [id], lease_seconds: LEASE / 1000 })).items, asked);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.#tell("told", { tone: "warn", text: `That item can't be yours: ${problem.message}.` });
    }
  }

  #take(tasks, asked) {
    for (const task of tasks) {
      task.until = asked + LEASE;
      this.ready.push(task);
    }
    this.#tell("ready", tasks);
    this.#save();
  }

  /** Claim as many items as shall be held. */
  async fill() {
    const wanted = AHEAD + (this.current ? 0 : 1) - this.ready.length;
    if (this.#filling || this.ended || wanted <= 0) return;
    this.#filling = true;
    const asked = Date.now();
    try {
      const claim = { model_id: this.#setup.model, limit: wanted, lease_seconds: LEASE / 1000 };
      const { items } = await this.#call("POST", "review/claim", claim);
      this.#take(items, asked);
      this.#shift(-items.length, items.length);
      if (!this.outbox.length) this.#well();
      if (!this.current && !this.ready.length) await this.count();
      this.empty = !this.current && !this.ready.length;
      if (!this.current) this.#next();
      this.#tell("change");
    } catch (problem) {
      this.#hinder(problem);
    } finally {
      this.#filling = false;
    }
  }

  /** Follow what this page did, until the service is asked again. */
  #shift(open, held) {
    const { needs_review, in_review } = this.counts;
    this.counts = { ...this.counts, needs_review: Math.max(0, needs_review + open), in_review: Math.max(0, in_review + held) };
  }

  /** Ask how far the work is. */
  async count() {
    const asked = ++this.#asked;
    try {
      const counts = await this.#call("GET", `models/${encodeURIComponent(this.#setup.model)}/review`);
      if (asked === this.#asked) this.counts = counts; // a later question has a later answer
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem; // the numbers of before stay
    }
    this.#tell("change");
  }

  #next() {
    this.current = this.ready.shift() ?? null;
    this.#save();
    this.#tell("item");
  }

  #queue(entry) {
    if (entry.kind !== "undo") this.history.push(entry);
    this.outbox.push(entry);
    this.#save();
  }

  /** Decide or skip what is shown, and show the next one; it isn't done before the service says so. */
  settle(kind, body, words) {
    if (!this.current || this.busy) return;
    this.#queue({ task: this.current, kind, body, words, state: "waiting" });
    this.#next();
    this.#go();
  }

  /** Send and claim; while the service is away that waits for its time. */
  #go() {
    if (this.trouble) return;
    void this.send();
    void this.fill();
  }

  /** Take the last decision back; return the words of what it was, or nothing when there is none. */
  undo() {
    const entry = this.history.findLast(({ state }) => state === "waiting" || state === "done");
    if (!entry) return undefined;
    if (entry.state === "waiting" && !entry.tried && entry === this.outbox.at(-1)) {
      this.outbox.pop();
      this.#back(entry, entry.task);
    } else {
      entry.state = "undoing";
      this.#queue({ kind: "undo", target: entry, words: entry.words });
      this.#tell("change");
      this.#go();
    }
    return entry.words;
  }

  /** Show an item again that was settled, with the note that was written on it. */
  #back(entry, task) {
    entry.state = "undone";
    task.until ??= Date.now() + LEASE;
    task.draft = entry.body?.note ?? "";
    task.edited = entry.body?.boxes;
    if (this.current) this.ready.unshift(this.current);
    this.current = task;
    this.#save();
    this.#tell("item", { again: entry });
  }

  /** Send what waits, the oldest first. */
  async send() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.outbox.length && await this.#sendOne(this.outbox[0]));
      // What was counted while something was on its way is wrong by that.
      if (!this.outbox.length && (this.empty || this.#uncounted >= RECOUNT)) {
        this.#uncounted = 0;
        await this.count();
      }
    } finally {
      this.#sending = false;
    }
  }

  async #sendOne(entry) {
    entry.tried = true;
    try {
      await this.#perform(entry);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (problem.passes || problem.parks) {
        this.#hinder(problem);
        return false;
      }
      this.outbox.shift();
      this.#refuse(entry, problem);
      return true;
    }
    this.outbox.shift();
    this.#uncounted += 1;
    this.#well();
    this.#save();
    this.#tell("settled", entry);
    this.#tell("change");
    return true;
  }

  async #perform(entry) {
    const { kind, target, task, body } = entry;
    if (kind === "undo") return this.#takeBack(target);
    await this.#item(task.item.id, kind, body);
    this.#shift(kind === "skip" ? 1 : 0, -1);
    if (entry.state === "waiting") entry.state = "done";
    return undefined;
  }

  async #takeBack(target) {
    if (target.state !== "undoing") return; // it was refused: there is nothing to take back
    const { id } = target.task.item;
    const asked = Date.now();
    const claim = { model_id: this.#setup.model, ids: [id], lease_seconds: LEASE / 1000 };
    const task = target.kind === "decide" ? await this.#item(id, "undo") : (await this.#call("POST", "review/claim", claim)).items[0];
    task.until = asked + LEASE;
    this.#shift(target.kind === "skip" ? -1 : 0, 1);
    this.#back(target, task);
  }

  #refuse(entry, problem) {
    const { kind, target, task } = entry;
    this.#save();
    if (kind === "undo") {
      target.state = "done";
      this.#tell("told", { tone: "bad", text: `It stays as it is: ${problem.message}.` });
    } else {
      entry.state = "failed";
      // What doesn't fit can be mended: show it again. What is somebody else's can't.
      const gone = [404, 409, 410].includes(problem.status);
      if (!gone && task.item.prediction_id) this.#back({ ...entry }, task);
      const rest = gone ? " The item isn't yours any more." : "";
      this.#tell("told", { tone: "bad", text: `Not saved (${entry.words}): ${problem.message}.${rest}` });
    }
    this.#tell("change");
  }

  #hinder(problem) {
    if (!(problem instanceof Refused)) throw problem;
    this.trouble = { text: problem.message, status: problem.status, parked: problem.parks };
    if (!problem.parks && !this.#timer) {
      this.#tries += 1;
      const wait = Math.max(problem.wait * 1000, Math.min(LONGEST_WAIT, 500 * 2 ** this.#tries));
      this.#timer = setTimeout(() => this.retry(), wait);
    }
    this.#tell("change");
  }

  #well() {
    this.#tries = 0;
    this.trouble = null;
  }

  /** Try now what has to be tried. */
  async retry() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    await this.send();
    if (!this.outbox.length) await this.fill();
  }

  /** Look after the leases: renew them while the page is used, give up what has ended. */
  async tick(used) {
    const now = Date.now();
    const held = [this.current, ...this.ready].filter(Boolean);
    if (held.some(({ until }) => until <= now)) {
      this.current = null;
      this.ready = [];
      this.ended = true;
      this.#save();
      this.#tell("ended");
    } else if (used) {
      for (const task of held) if (task.until - now < LEASE / 2) await this.#renew(task);
    }
  }

  async #renew(task) {
    const asked = Date.now();
    try {
      const { item } = await this.#item(task.item.id, "renew", { lease_seconds: LEASE / 1000 });
      task.item.lease_until = item.lease_until;
      task.until = asked + LEASE;
      this.#tell("change");
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (problem.status === 409 || problem.status === 404) this.#lose(task, problem);
    }
  }

  #lose(task, problem) {
    this.ready = this.ready.filter((other) => other !== task);
    if (this.current !== task) return this.#save();
    this.#tell("told", { tone: "warn", text: `This item isn't yours any more: ${problem.message}.` });
    this.#next();
    return void this.fill();
  }

  /** Give back what is held, so that it is nobody's when the page is gone. What isn't saved yet stays leased. */
  leave() {
    const items = [this.current, ...this.ready].filter(Boolean).map(({ item: { id, lease_until } }) => ({ id, lease_until }));
    if (!items.length) return;
    leave(this.#setup.api, "review/release", { model_id: this.#setup.model, items });
    this.#save(true);
  }

  /** Come back after all leases have ended. */
  async goOn() {
    this.ended = false;
    this.#tell("item");
    await this.fill();
  }

  /** A load of the page loses nothing: what is held and what isn't stored yet is kept for this window. */
  #save(left = false) {
    const mine = [this.current, ...this.ready].filter(Boolean).map(({ item }) => item.id);
    const held = left ? [] : mine; // what was given back comes again in the queue's order
    const chosen = mine.includes(this.#chosen) ? this.#chosen : "";
    const outbox = this.outbox.filter(({ kind }) => kind !== "undo").map(({ task, kind, body, words }) => ({ id: task.item.id, kind, body, words }));
    try {
      sessionStorage.setItem(this.#store, JSON.stringify({ held, outbox, chosen, left }));
    } catch {
      // Without storage a load of the page lets the leases end by themselves.
    }
  }

  #kept() {
    try {
      return { ...NOTHING, ...JSON.parse(sessionStorage.getItem(this.#store)) };
    } catch {
      return NOTHING;
    }
  }
}
