// The one unit the dispatcher looks at: its own channel, where it has been, and how its restarts go.

import { call } from "./api.js";
import { metresPerWorld, worldX, worldY } from "./geo.js";

const TRACK_MINUTES = 15;
const TRACK_POINTS = 3_000;
const TRACK_PAGES = 20;
const GAP_M = 2_000;
/** A crash that shows no restart within this did not happen. */
const NO_RESTART_MS = 5_000;

export class Selection {
  unit = null;
  /** Oldest first: { at, x, y, speed, gap }; gap: not connected to the one before. */
  track = [];
  follow = false;
  /** How the last crash goes: "none", "asked", "restarting", "back" or "missed"; since: when that began. */
  restart = { phase: "none", since: 0, seconds: 0 };

  #socket;
  #units;
  #channel = null;
  #abort = null;
  #onChange;

  constructor(socket, units, onChange) {
    this.#socket = socket;
    this.#units = units;
    this.#onChange = onChange;
  }

  select(id) {
    const unit = this.#units.get(id) ?? null;
    if (unit === this.unit) return;
    this.#abort?.abort();
    this.#channel?.leave();
    this.#channel = this.#abort = null;
    this.unit = unit;
    this.track = [];
    this.follow &&= unit !== null;
    this.restart = { phase: "none", since: 0, seconds: 0 };
    if (unit) {
      if (unit.state === "restarting") this.#enter("restarting");
      this.#channel = this.#socket.channel(`unit:${id}`);
      this.#channel.on("position", (fix) => this.#units.apply({ ...fix, unit: id }, performance.now()));
      this.#channel.onJoin(() => this.#load());
      this.#channel.join();
      this.#load();
    }
    this.#onChange();
  }

  /** Asks something on the unit's topic. */
  push(event, payload) { return this.#channel.push(event, payload); }

  /** Makes the unit's process panic. It cannot answer, so only its state will tell. */
  crash() {
    if (!this.unit || this.restart.phase === "asked" || this.restart.phase === "restarting") return;
    this.#enter("asked");
    this.#channel.push("crash").catch((err) => {
      if (err.status === "error" && this.restart.phase === "asked") this.#enter("missed");
    });
  }

  /** A unit has changed its state; it may be ours. */
  stateChanged(unit) {
    if (unit !== this.unit) return;
    if (unit.state === "restarting") this.#enter("restarting");
    else if (this.restart.phase === "restarting") this.#enter("back", (performance.now() - unit.down) / 1000);
    this.#onChange();
  }

  fixed(unit) {
    if (unit === this.unit) this.#append({ at: unit.at, x: unit.toX, y: unit.toY, speed: unit.speed });
  }

  /** Seconds since the present phase of the restart began. */
  elapsed() { return (performance.now() - this.restart.since) / 1000; }

  /** The selected unit may have gone with a new snapshot; a crash may have had no effect. */
  check() {
    if (this.unit && this.#units.get(this.unit.id) !== this.unit) this.select(null);
    if (this.restart.phase === "asked" && this.elapsed() * 1000 > NO_RESTART_MS) this.#enter("missed");
  }

  #enter(phase, seconds = 0) {
    this.restart = { phase, since: performance.now(), seconds };
    this.#onChange();
  }

  #append(point) {
    const last = this.track.at(-1);
    if (last && point.at <= last.at) return;
    point.gap = !last || Math.hypot(point.x - last.x, point.y - last.y) * metresPerWorld(this.unit.lat) > GAP_M;
    this.track.push(point);
    if (this.track.length > TRACK_POINTS) this.track.splice(0, 200);
  }

  /** Where it has been. What came in meanwhile stays behind what the server says. */
  async #load() {
    this.#abort?.abort();
    const { signal } = (this.#abort = new AbortController());
    const from = new Date(Date.now() - TRACK_MINUTES * 60_000).toISOString();
    let url = `/api/units/${encodeURIComponent(this.unit.id)}/track?from=${encodeURIComponent(from)}`;
    const past = [];
    try {
      for (let page = 0; url && page < TRACK_PAGES; page++) {
        const answer = await call(url, { signal });
        if (!answer.ok) break;
        const { positions, next } = await answer.json();
        for (const p of positions) {
          past.push({ at: Date.parse(p.at), x: worldX(p.lon), y: worldY(p.lat), speed: p.speed_mps ?? null });
        }
        url = positions.length > 0 ? next : null;
      }
    } catch {
      // No track, then: it grows from now on.
    }
    if (signal.aborted) return;
    const since = this.track;
    this.track = [];
    for (const point of [...past, ...since]) this.#append(point);
    this.#onChange();
  }
}
