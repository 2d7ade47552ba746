// What a dispatcher may have missed, newest first. What happens again to the same unit is the same alert,
// with a count, so one bad receiver cannot push the others out.

/** How many are kept. */
export const MOST = 200;

export class Alerts {
  /** Newest first: { key, tone, subject, text, unit, agency, at, times }. */
  list = [];
  /** How many came since the dispatcher last looked. */
  unseen = 0;
  /** Grows with every change. */
  version = 0;

  #byKey = new Map();
  #onNews;

  /** @param {(alert: object) => void} onNews told of each that is raised or settled */
  constructor(onNews) { this.#onNews = onNews; }

  /**
   * Something has happened.
   * @param {object} alert
   * @param {string} alert.key what makes two of them the same
   * @param {"good" | "warn" | "bad"} alert.tone
   * @param {string} alert.subject who
   * @param {string} alert.text what
   * @param {string} [alert.unit] a unit's id, to be selected with a click
   * @param {string} [alert.agency] the unit's
   * @param {number} [alert.at] when it was; by default now
   */
  raise(alert) {
    const before = this.#byKey.get(alert.key);
    this.#put({ unit: null, agency: null, ...alert, times: (before?.times ?? 0) + 1 });
    this.unseen++;
    if (this.list.length > MOST) this.#byKey.delete(this.list.pop().key);
  }

  /** What was raised with this key has changed or come to its end; nothing if that was dismissed. */
  settle(key, text, tone = "good") {
    const before = this.#byKey.get(key);
    if (before) this.#put({ ...before, text, tone, at: Date.now() });
  }

  has(key) { return this.#byKey.has(key); }

  dismiss(key) {
    this.list = this.list.filter((alert) => alert.key !== key);
    this.#byKey.delete(key);
    this.unseen = Math.min(this.unseen, this.list.length);
    this.version++;
  }

  clear() {
    this.list = [];
    this.#byKey.clear();
    this.seen();
  }

  seen() {
    if (this.unseen === 0 && this.list.length > 0) return;
    this.unseen = 0;
    this.version++;
  }

  #put(alert) {
    alert.at ??= Date.now();
    this.list = [alert, ...this.list.filter(({ key }) => key !== alert.key)];
    this.#byKey.set(alert.key, alert);
    this.version++;
    this.#onNews(alert);
  }
}
