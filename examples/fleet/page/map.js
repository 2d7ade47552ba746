// The map: streets below, units above, and the user's hands on both.

import { call } from "./api.js";
import { bounds, metresPerWorld, worldX, worldY } from "./geo.js";
import { Markers } from "./markers.js";
import { Streets } from "./streets.js";
import { theme } from "./theme.js";
import { View, handle } from "./view.js";

const byId = (id) => document.getElementById(id);
const NEAR = 2 ** 24;
const AROUND = 2 ** 21.6;
/** What has moved less is not drawn again; what only turns, not more often than this. */
const LEAST_PX = 0.4;
const TURNING_MS = 60;
/** For so long after a unit is shown, panels that open or grow do not cover it. */
const SETTLE_MS = 2_000;

export class LiveMap {
  view;
  /** The point of the selected unit's track that is pointed at. */
  place = null;

  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #streets = new Streets(byId("streets"));
  #markers = new Markers(byId("units"), this.#calm);
  #units;
  #selection;
  #geofences;
  #isLive;
  #ratio = 1;
  #dirty = true; // something but a position changed what is drawn
  #hovered = null;
  #drawnView = -1;
  #drawnAt = 0;
  #touched = false; // the user has moved the map: no more fitting by itself
  #fitted = false;
  #shown = null; // { unit, scale, until }: the unit that was flown to

  /**
   * @param {Units} units
   * @param {Selection} selection
   * @param {Geofences} geofences
   * @param {object} hooks
   * @param {() => boolean} hooks.isLive whether units may move on
   * @param {(unit: object | null) => void} hooks.onTap a unit was clicked, or none
   * @param {() => void} hooks.onMove the user has moved the map
   */
  constructor(units, selection, geofences, { isLive, onTap, onMove }) {
    this.#units = units;
    this.#selection = selection;
    this.#geofences = geofences;
    this.#isLive = isLive;
    this.view = new View(this.#calm);
    theme.onChange(() => this.invalidate());
    handle(byId("units"), this.view, {
      onTap: (sx, sy, reach) => onTap(Markers.near(units, this.view, sx, sy, reach)),
      onMove: () => {
        this.#touched = true;
        this.#shown = null;
        onMove();
      },
      onDrag: (from, to) => geofences.drag(this.view, from, to),
      onDrop: () => geofences.drop(),
      onHover: (sx, sy) => this.#hover(sx < 0 ? null : Markers.near(units, this.view, sx, sy, 12)),
    });
    byId("zoom-in").addEventListener("click", () => this.zoom(1.8));
    byId("zoom-out").addEventListener("click", () => this.zoom(1 / 1.8));
    byId("zoom-fit").addEventListener("click", () => this.fit());
  }

  /** Draws from now on, and loads the streets. */
  async start() {
    const frame = (now) => {
      requestAnimationFrame(frame);
      this.#frame(now);
    };
    requestAnimationFrame(frame);
    let lines = [];
    try {
      const answer = await call("/api/map");
      if (answer.ok) ({ lines } = await answer.json());
    } catch {
      // The map then grows from what units do.
    }
    this.#streets.set(lines);
    if (lines.length > 0) byId("source").textContent = `Streets drawn from ${lines.length.toLocaleString("en")} recorded trips`;
    if (!this.#fitted) this.fit(false);
  }

  /** Something that is drawn has changed. */
  invalidate() { this.#dirty = true; }

  fixed(unit) { this.#streets.grow(unit.id, unit.toX, unit.toY); }

  /** All units are here now; shows them, unless the user looks at something else. */
  filled() {
    if (!this.#fitted && !this.#touched) this.fit(false);
    this.invalidate();
  }

  /** Other units will come. */
  restart() {
    this.#touched = this.#fitted = false;
    this.#hovered = this.#shown = this.place = null;
    this.invalidate();
  }

  zoom(factor) {
    this.#touched = true;
    this.#shown = null;
    this.view.zoomSmoothly(factor);
  }

  fit(smoothly = true) {
    const all = bounds(this.#units.size > 0 ? this.#units.list.map(({ toX, toY }) => [toX, toY]) : this.#streets.sample());
    if (!all) return;
    this.#shown = null;
    this.view.fit(all, smoothly && this.#fitted);
    this.#fitted = this.#units.size > 0;
  }

  /** Flies to a unit: near enough to see its street, or its surroundings only. */
  show(unit, near = false) {
    this.#touched = true;
    const scale = Math.max(this.view.scale, near ? NEAR : AROUND);
    this.#shown = { unit, scale, until: performance.now() + SETTLE_MS };
    this.view.fly(unit.x, unit.y, scale);
  }

  /** Flies to a geofence. */
  around({ lat, lon, radius_m: metres }) {
    this.#touched = true;
    this.#shown = null;
    const [x, y, r] = [worldX(lon), worldY(lat), (2 * metres) / metresPerWorld(lat)];
    this.view.fit({ minX: x - r, minY: y - r, maxX: x + r, maxY: y + r });
  }

  /** @param {{top: number, right: number, bottom: number, left: number}} insets what panels cover */
  layout(insets) {
    const { innerWidth: width, innerHeight: height } = window;
    const before = this.view.insets;
    this.view.insets = insets;
    const changed = Object.keys(insets).some((side) => insets[side] !== before[side]);
    if (changed && this.#shown && performance.now() < this.#shown.until) {
      this.view.fly(this.#shown.unit.x, this.#shown.unit.y, this.#shown.scale);
    }
    this.#ratio = Math.min(2, devicePixelRatio || 1);
    const [w, h] = [Math.round(width * this.#ratio), Math.round(height * this.#ratio)];
    if (this.view.width === width && this.view.height === height && byId("units").width === w) return;
    for (const canvas of [byId("streets"), byId("units")]) {
      canvas.width = w;
      canvas.height = h;
    }
    this.view.resize(width, height);
    if (!this.#touched) this.fit(false);
  }

  #hover(unit) {
    if (unit === this.#hovered) return;
    this.#hovered = unit;
    this.invalidate();
    byId("units").classList.toggle("pointing", unit !== null);
  }

  #frame(now) {
    const { unit, follow, track } = this.#selection;
    const { moved, turning } = this.#isLive() ? this.#units.step(now) : { moved: 0, turning: false };
    if (follow && unit) this.view.center(unit.x, unit.y);
    else this.view.step(now);
    this.#streets.frame(this.view, this.#ratio, now);
    const viewed = this.view.version !== this.#drawnView;
    const pulsing = !this.#calm.matches && byId("stat-restarting").classList.contains("trouble");
    const lively = moved * this.view.scale > LEAST_PX || (turning && now - this.#drawnAt > TURNING_MS);
    if (!viewed && !lively && !pulsing && !this.#dirty) return;
    if (viewed) this.#scaleBar();
    this.#drawnView = this.view.version;
    this.#drawnAt = now;
    this.#dirty = false;
    const scene = { units: this.#units, selected: unit, hovered: this.#hovered, track, place: this.place, geofences: this.#geofences };
    this.#markers.draw(this.view, this.#ratio, now, scene);
  }

  #scaleBar() {
    const most = 110 * this.view.metresPerPixel;
    const unit = 10 ** Math.floor(Math.log10(most));
    const metres = unit * (most / unit >= 5 ? 5 : most / unit >= 2 ? 2 : 1);
    byId("scale-bar").style.width = `${metres / this.view.metresPerPixel}px`;
    byId("scale-text").textContent = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
  }
}
