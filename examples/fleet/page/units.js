// The units as the page knows them: the last fix of each, where it is shown on its way there, and whether
// it has fallen silent.

import { metresPerWorld, turn, worldX, worldY } from "./geo.js";

/** Above this a unit does not glide to its fix, it is put there. */
const FAR_M = 2_000;
/** A glide takes as long as the fixes of this unit are apart, within these bounds. */
const GLIDE_MIN_MS = 250;
const GLIDE_MAX_MS = 10_000;
/** Below this a unit counts as stopped. */
const MOVING_MPS = 0.5;
/** A fix from before the last one came late and is not taken, but a clock that was set back is believed. */
const OLD_MS = 60_000;
const RATE_WINDOW_MS = 5_000;
/**
 * Silent is who is not heard for so many times as long as usual, for half as long again as ever before of late,
 * and for this long at least.
 */
const SILENT_TIMES = 5;
const SILENT_MIN_MS = 60_000;
/** What is usual is learnt from gaps up to this. */
const USUAL_MAX_MS = 300_000;

const names = new Intl.Collator(undefined, { numeric: true });

/** The colours of the paces, by their names in palette.css. */
export const TONES = ["unit-stopped", "unit-slow", "unit-middle", "unit-fast"];
/** How fast: 0 stopped or unknown, 1 slow, 2 middle, 3 fast. */
export const pace = (mps) => (!(mps > MOVING_MPS) ? 0 : mps < 20 / 3.6 ? 1 : mps < 50 / 3.6 ? 2 : 3);

/** What a dispatcher calls it: whether it moves, unless there is something the matter. */
export function standing(unit) {
  if (unit.state === "online") return unit.silent ? "silent" : unit.speed > MOVING_MPS ? "moving" : "stopped";
  return unit.state === "offline" ? "silent" : unit.state;
}

export class Units {
  /** All units, in the order of their names. */
  list = [];
  /** Grows when units come or go. */
  generation = 0;

  #byId = new Map();
  #arrivals = []; // [when, how many], of the last seconds
  #checked = 0;
  #patientUntil = 0;
  #onState;
  #onFix;

  /**
   * @param {object} hooks
   * @param {(unit, before: string) => void} hooks.onState told when a unit's state has changed
   * @param {(unit) => void} hooks.onFix told of every new fix
   */
  constructor({ onState, onFix }) {
    this.#onState = onState;
    this.#onFix = onFix;
  }

  get(id) { return this.#byId.get(id); }
  get size() { return this.#byId.size; }

  /** Everything there is: who is not in it is gone. */
  snapshot(fixes, now) {
    const there = new Set(fixes.map((fix) => fix.unit));
    for (const id of this.#byId.keys()) if (!there.has(id)) this.#byId.delete(id);
    for (const fix of fixes) this.apply(fix, now, true);
    this.#sort();
  }

  clear() {
    this.#byId.clear();
    this.#arrivals = [];
    this.#sort();
  }

  /** What has changed since. */
  update(fixes, now) {
    const before = this.#byId.size;
    for (const fix of fixes) this.apply(fix, now);
    if (this.#byId.size !== before) this.#sort();
    this.#arrivals.push([now, fixes.length]);
    this.#forget(now);
  }

  /** One unit's fix or state; old: it is not from this moment, but from a snapshot. */
  apply(fix, now, old = false) {
    const at = Date.parse(fix.at);
    const x = worldX(fix.lon);
    const y = worldY(fix.lat);
    if (!Number.isFinite(x + y)) return;
    let unit = this.#byId.get(fix.unit);
    if (!unit) {
      unit = {
        id: fix.unit, key: fix.unit.toLowerCase(), rank: 0, state: fix.state ?? "online",
        x, y, fromX: x, fromY: y, toX: x, toY: y, glideFrom: now, glideMs: 0,
        heading: fix.heading_deg ?? 0, fromHeading: 0, toHeading: null, arrived: now, everyMs: 1_000, matches: true,
        drawnX: x, drawnY: y, heard: now, usualMs: 1_000, longestMs: 0, silent: false, quietFrom: now, down: now,
      };
      this.#byId.set(fix.unit, unit);
      this.#take(unit, fix, at);
      if (old) unit.heard -= Math.max(0, Date.now() - at);
      unit.silent = this.#isSilent(unit, now);
      this.#onFix(unit);
    } else if (at > unit.at || unit.at - at > OLD_MS) {
      this.#glide(unit, x, y, now);
      this.#take(unit, fix, at);
      if (!old) this.#learn(unit, Math.min(USUAL_MAX_MS, now - unit.heard));
      unit.heard = old ? Math.max(unit.heard, now - Math.max(0, Date.now() - at)) : now;
      this.#onFix(unit);
    }
    if (fix.state && fix.state !== unit.state) {
      const before = unit.state;
      unit.state = fix.state;
      if (fix.state === "restarting") unit.down = now;
      this.#onState(unit, before);
    }
  }

  #take(unit, fix, at) {
    unit.lat = fix.lat;
    unit.lon = fix.lon;
    unit.speed = fix.speed_mps ?? null;
    unit.at = at;
    unit.toHeading = fix.heading_deg ?? unit.toHeading;
    unit.headingKnown = fix.heading_deg != null;
    unit.fromHeading = unit.heading;
  }

  #glide(unit, x, y, now) {
    unit.everyMs += (Math.min(GLIDE_MAX_MS, now - unit.arrived) - unit.everyMs) * 0.3;
    unit.arrived = now;
    const metres = Math.hypot(x - unit.x, y - unit.y) * metresPerWorld(unit.lat);
    // A little longer than they are apart, so that a fix that is late does not show as a stop.
    unit.glideMs = metres > FAR_M ? 0 : Math.max(GLIDE_MIN_MS, unit.everyMs * 1.15);
    unit.glideFrom = now;
    unit.fromX = unit.x;
    unit.fromY = unit.y;
    unit.toX = x;
    unit.toY = y;
  }

  /**
   * Who has fallen silent and who is heard again since the last call; to be called about once a second while
   * the server is heard.
   */
  check(now) {
    // After a computer's sleep all units seem silent, until the connection is found dead.
    if (now - this.#checked > (document.hidden ? 90_000 : 5_000)) this.#patientUntil = now + 15_000;
    this.#checked = now;
    const silent = [];
    const heard = [];
    for (const unit of this.list) {
      const is = this.#isSilent(unit, now);
      if (is === unit.silent || (is && now < this.#patientUntil)) continue;
      unit.silent = is;
      if (is) unit.quietFrom = unit.heard;
      (is ? silent : heard).push(unit);
    }
    return { silent, heard };
  }

  #learn(unit, gap) {
    unit.usualMs += (gap - unit.usualMs) * 0.2;
    unit.longestMs = Math.max(gap, unit.longestMs * 0.999);
  }

  #isSilent(unit, now) {
    const most = Math.max(SILENT_MIN_MS, SILENT_TIMES * unit.usualMs, 1.5 * unit.longestMs);
    return unit.state === "offline" || now - unit.heard > most;
  }

  /**
   * Moves what is shown on to this moment.
   * @returns {{moved: number, turning: boolean}} how far, in units of the world, the farthest is from where it
   *   was last drawn; and whether any turns
   */
  step(now) {
    let moved = 0;
    let turning = false;
    for (const unit of this.list) {
      if (unit.x === unit.toX && unit.y === unit.toY && unit.heading === (unit.toHeading ?? unit.heading)) continue;
      const passed = now - unit.glideFrom;
      const t = unit.glideMs > 0 ? Math.min(1, passed / unit.glideMs) : 1;
      unit.x = t === 1 ? unit.toX : unit.fromX + (unit.toX - unit.fromX) * t;
      unit.y = t === 1 ? unit.toY : unit.fromY + (unit.toY - unit.fromY) * t;
      moved = Math.max(moved, Math.abs(unit.x - unit.drawnX), Math.abs(unit.y - unit.drawnY));
      if (unit.toHeading === null || unit.heading === unit.toHeading) continue;
      const turned = Math.min(1, passed / 400);
      unit.heading = turned === 1 ? unit.toHeading : unit.fromHeading + turn(unit.fromHeading, unit.toHeading) * turned;
      turning = true;
    }
    return { moved, turning };
  }

  /** How many units in which standing. */
  count() {
    const counts = { all: this.size, moving: 0, stopped: 0, silent: 0, restarting: 0 };
    for (const unit of this.list) counts[standing(unit)] = (counts[standing(unit)] ?? 0) + 1;
    return counts;
  }

  /** Updates a second, over the last few. */
  rate(now) {
    this.#forget(now);
    return this.#arrivals.reduce((sum, [, n]) => sum + n, 0) / (RATE_WINDOW_MS / 1000);
  }

  #forget(now) {
    while (this.#arrivals.length > 0 && now - this.#arrivals[0][0] > RATE_WINDOW_MS) this.#arrivals.shift();
  }

  #sort() {
    this.list = [...this.#byId.values()].sort((a, b) => names.compare(a.id, b.id));
    this.list.forEach((unit, rank) => { unit.rank = rank; });
    this.generation++;
  }
}
