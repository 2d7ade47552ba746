// What part of the world the window shows, and the hands that move it.

import { latitude, metresPerWorld } from "./geo.js";

const MIN_SCALE = 2 ** 9; // CSS pixels for the whole world
const MAX_SCALE = 2 ** 28;
const FLIGHT_MS = 450;
const FRAME = 96; // CSS pixels around what is fitted, on both sides together

export class View {
  /** The world's point in the middle of the window. */
  x = 0.5;
  y = 0.5;
  scale = 2 ** 18;
  width = 1;
  height = 1;
  /** CSS pixels of the window that panels cover. */
  insets = { top: 0, right: 0, bottom: 0, left: 0 };
  /** Grows with every change. */
  version = 0;

  #flight = null;
  #calm;

  /** @param {MediaQueryList} calm prefers-reduced-motion */
  constructor(calm) { this.#calm = calm; }

  screenX(x) { return (x - this.x) * this.scale + this.width / 2; }
  screenY(y) { return (y - this.y) * this.scale + this.height / 2; }
  worldX(sx) { return (sx - this.width / 2) / this.scale + this.x; }
  worldY(sy) { return (sy - this.height / 2) / this.scale + this.y; }

  get metresPerPixel() { return metresPerWorld(latitude(this.y)) / this.scale; }

  /** The middle of what the panels leave free. */
  get middle() {
    const { top, right, bottom, left } = this.insets;
    return [(left + this.width - right) / 2, (top + this.height - bottom) / 2];
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.version++;
  }

  pan(dx, dy) { this.#go(this.x - dx / this.scale, this.y - dy / this.scale, this.scale); }

  /** Zooms about a point of the window, by default the middle of its free part. */
  zoom(factor, [sx, sy] = this.middle) {
    const scale = clamp(this.scale * factor);
    const [x, y] = [this.worldX(sx), this.worldY(sy)];
    this.#go(x - (sx - this.width / 2) / scale, y - (sy - this.height / 2) / scale, scale);
  }

  /** Like zoom, but taking its time: for buttons and keys. */
  zoomSmoothly(factor) {
    const [sx, sy] = this.middle;
    this.fly(this.worldX(sx), this.worldY(sy), clamp((this.#flight?.to.scale ?? this.scale) * factor));
  }

  /** Puts a point of the world into the middle of the free part, without delay. */
  center(x, y) {
    const [sx, sy] = this.middle;
    this.#go(x - (sx - this.width / 2) / this.scale, y - (sy - this.height / 2) / this.scale, this.scale);
  }

  fly(x, y, scale = this.scale) {
    const [sx, sy] = this.middle;
    const to = { x: x - (sx - this.width / 2) / scale, y: y - (sy - this.height / 2) / scale, scale };
    if (this.#calm.matches) return this.#go(to.x, to.y, to.scale);
    this.#flight = { from: { x: this.x, y: this.y, scale: this.scale }, to, since: performance.now() };
  }

  fit({ minX, minY, maxX, maxY }, smoothly = true) {
    const { top, right, bottom, left } = this.insets;
    const [w, h] = [this.width - left - right - FRAME, this.height - top - bottom - FRAME];
    const scale = clamp(Math.min(Math.max(w, 80) / (maxX - minX || 1e-6), Math.max(h, 80) / (maxY - minY || 1e-6), 2 ** 23));
    this.fly((minX + maxX) / 2, (minY + maxY) / 2, scale);
    if (!smoothly && this.#flight) this.#go(this.#flight.to.x, this.#flight.to.y, scale);
  }

  step(now) {
    if (!this.#flight) return;
    const { from, to, since } = this.#flight;
    const t = Math.min(1, (now - since) / FLIGHT_MS);
    const eased = 1 - (1 - t) ** 3;
    // The window grows or shrinks evenly; its corner, not its middle, moves in a straight line.
    const scale = from.scale * (to.scale / from.scale) ** eased;
    const zooms = Math.abs(to.scale / from.scale - 1) > 1e-9; // the last flight may have ended a rounding away
    const part = !zooms ? eased : (1 / scale - 1 / from.scale) / (1 / to.scale - 1 / from.scale);
    const flight = this.#flight;
    this.#go(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part, scale);
    if (t < 1) this.#flight = flight;
  }

  #go(x, y, scale) {
    this.x = Math.max(0, Math.min(1, x));
    this.y = Math.max(0, Math.min(1, y));
    this.scale = scale;
    this.version++;
    this.#flight = null;
  }
}

const clamp = (scale) => Math.max(MIN_SCALE, Math.min(MAX_SCALE, scale));

const KEYS = {
  ArrowLeft: (view) => view.pan(80, 0),
  ArrowRight: (view) => view.pan(-80, 0),
  ArrowUp: (view) => view.pan(0, 80),
  ArrowDown: (view) => view.pan(0, -80),
  "+": (view) => view.zoomSmoothly(1.6),
  "=": (view) => view.zoomSmoothly(1.6),
  "-": (view) => view.zoomSmoothly(1 / 1.6),
};

/**
 * Lets the user move the view: drag, wheel, pinch, double click, keys.
 * @param {object} hands
 * @param {(sx: number, sy: number, reach: number) => void} hands.onTap a click that was no drag
 * @param {() => void} hands.onMove the user has moved the map
 * @param {(from: number[], to: number[]) => boolean} hands.onDrag a drag; true if it is not to move the map
 * @param {() => void} hands.onDrop a drag has ended
 * @param {(sx: number, sy: number) => void} hands.onHover the mouse is here; (-1, -1): nowhere
 */
export function handle(element, view, { onTap, onMove, onDrag, onDrop, onHover }) {
  const down = new Map(); // pointer id → [x, y]
  let travelled = 0;
  let start = null;

  const gap = () => {
    const [a, b] = [...down.values()];
    return { size: Math.hypot(a[0] - b[0], a[1] - b[1]), at: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.clientX, event.clientY]);
    if (down.size === 1) [travelled, start] = [0, [event.clientX, event.clientY]];
  });

  element.addEventListener("pointermove", (event) => {
    const at = [event.clientX, event.clientY];
    const last = down.get(event.pointerId);
    if (!last) return event.pointerType === "mouse" && onHover(...at);
    travelled += Math.hypot(at[0] - last[0], at[1] - last[1]);
    const before = down.size === 2 ? gap() : null;
    down.set(event.pointerId, at);
    if (before) {
      const after = gap();
      view.pan(after.at[0] - before.at[0], after.at[1] - before.at[1]);
      if (before.size > 0 && after.size > 0) view.zoom(after.size / before.size, after.at);
      onMove();
    } else if (down.size === 1 && travelled > 4 && !onDrag(start, at)) {
      view.pan(at[0] - last[0], at[1] - last[1]);
      onMove();
    }
  });

  element.addEventListener("pointerup", (event) => {
    const tapped = down.delete(event.pointerId) && down.size === 0 && travelled <= 4;
    if (tapped) onTap(event.clientX, event.clientY, event.pointerType === "mouse" ? 14 : 24);
    else onDrop();
  });
  element.addEventListener("pointercancel", (event) => down.delete(event.pointerId));
  element.addEventListener("pointerleave", () => onHover(-1, -1));

  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    view.zoom(2 ** (-Math.max(-200, Math.min(200, pixels)) / (event.ctrlKey ? 60 : 240)), [event.clientX, event.clientY]);
    onMove();
  }, { passive: false });

  element.addEventListener("dblclick", (event) => {
    view.zoom(2, [event.clientX, event.clientY]);
    onMove();
  });

  element.addEventListener("keydown", (event) => {
    const move = KEYS[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(view);
    onMove();
  });
}
