// The map: no tiles, only where vehicles have driven. Every trip adds a little light (in a light room, a
// little ink), so a street stands out as much as it is used. Drawing that takes a while, so it goes into a buffer larger than the
// window, a few milliseconds a frame; a frame itself only copies the buffer to where it belongs.

import { worldX, worldY } from "./geo.js";
import { theme } from "./theme.js";

const MARGIN = 0.25; // of the window, around it
const BUDGET_MS = 5; // a frame
const SETTLE_MS = 90;
const TILE = 320; // pixels
const EDGE = 8;
const LIGHT = 18 / 255; // of one trip
const MAX_JUMP = 2.2e-4; // of the world, some 6 km: no street, a gap in the record
const MIN_STEP = 2e-7; // some 6 m
const GROWN_POINTS = 60_000; // what a map of its own making may keep
const GROWN_UNITS = 10_000; // and of how many units it knows where they were last
const REDRAW_GROWN_MS = 4_000;

const STOPS = [0, 0.35, 0.65, 0.88, 1];

/** Light → colour: logarithmic, and never as strong as a unit. */
function toneTable() {
  const stops = STOPS.map((at, i) => [at, ...theme.palette[`street-${i}`].match(/\d+/g).map(Number)]);
  const tones = new Uint32Array(256);
  for (let light = 1; light < 256; light++) {
    const t = Math.log1p(light * 0.045) / Math.log1p(255 * 0.045);
    const i = stops.findIndex(([at], k) => k > 0 && t <= at) || 1;
    const [[t0, ...a], [t1, ...b]] = [stops[i - 1], stops[i]];
    const [r, g, blue] = a.map((from, k) => Math.round(from + ((b[k] - from) * (t - t0)) / (t1 - t0)));
    const alpha = Math.round(255 * Math.min(1, light / 12) * (0.62 + 0.38 * t));
    tones[light] = (alpha << 24) | (blue << 16) | (g << 8) | r;
  }
  return tones;
}

export class Streets {
  #canvas;
  #context;
  #lines = []; // { xs, ys, minX, minY, maxX, maxY }
  #growing = false;
  #grown = new Map(); // unit id → its present line
  #points = 0;
  #shown = null; // { canvas, x, y, scale, width, height }
  #drawing = null;
  #drawn = -1; // the view's version on the screen
  #scale = 0; // the view's, at the last frame
  #zoomedAt = 0; // when that last changed
  #stale = true; // the lines changed
  #redrawn = 0;
  #tones = toneTable();

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    theme.onChange(() => {
      this.#tones = toneTable();
      this.#stale = true;
      this.#redrawn = -Infinity;
      this.#drawn = -1;
    });
  }

  /** The traces, as the server gives them; without any, the map grows from what units do. */
  set(lines) {
    this.#lines = [];
    this.#grown.clear();
    this.#points = 0;
    for (const line of lines) {
      let part = newLine();
      for (let i = 0; i + 1 < line.length; i += 2) part = this.#extend(part, worldX(line[i]), worldY(line[i + 1]));
    }
    this.#growing = this.#lines.length === 0;
    this.#stale = true;
  }

  grow(id, x, y) {
    if (!this.#growing) return;
    let line = this.#grown.get(id);
    if (line && Math.hypot(x - line.xs.at(-1), y - line.ys.at(-1)) < MIN_STEP) return;
    if (!line || line.xs.length >= 64) {
      const next = newLine();
      if (line) this.#extend(next, line.xs.at(-1), line.ys.at(-1));
      line = next;
    }
    this.#grown.delete(id); // to the end: who has not moved for longest goes first
    this.#grown.set(id, this.#extend(line, x, y));
    if (this.#grown.size > GROWN_UNITS) this.#grown.delete(this.#grown.keys().next().value);
    while (this.#points > GROWN_POINTS && this.#lines.length > 0) this.#points -= this.#lines.shift().xs.length;
    this.#stale = true;
  }

  /** All points, thinned, for fitting the view. */
  sample() {
    return this.#lines.flatMap(({ xs, ys }) => xs.flatMap((x, i) => (i % 4 === 0 ? [[x, ys[i]]] : [])));
  }

  get trips() { return this.#growing ? 0 : this.#lines.length; }

  #extend(line, x, y) {
    const last = line.xs.length - 1;
    if (last >= 0 && Math.hypot(x - line.xs[last], y - line.ys[last]) > MAX_JUMP) line = newLine();
    line.xs.push(x);
    line.ys.push(y);
    line.minX = Math.min(line.minX, x);
    line.maxX = Math.max(line.maxX, x);
    line.minY = Math.min(line.minY, y);
    line.maxY = Math.max(line.maxY, y);
    if (line.xs.length === 2) this.#lines.push(line);
    if (line.xs.length >= 2) this.#points += line.xs.length === 2 ? 2 : 1;
    return line;
  }

  frame(view, ratio, now) {
    if (view.scale !== this.#scale) [this.#scale, this.#zoomedAt] = [view.scale, now];
    if (this.#due(view, now)) {
      this.#stale = false;
      this.#redrawn = now;
      this.#drawing = this.#render({ ...windowOf(view, MARGIN), ratio });
    }
    const finished = this.#advance();
    if (view.version === this.#drawn && !finished) return;
    this.#drawn = view.version;
    this.#blit(view, ratio);
  }

  #due(view, now) {
    if (this.#stale && (!this.#growing || now - this.#redrawn > REDRAW_GROWN_MS)) return true;
    if (this.#drawing || !this.#shown) return false;
    const { x, y, scale, width, height } = this.#shown;
    const zoomed = scale !== view.scale;
    if (zoomed) return now - this.#zoomedAt > SETTLE_MS || view.scale / scale > 3 || scale / view.scale > 1.6;
    const [restX, restY] = [width - view.width, height - view.height];
    return Math.abs(x - view.x) * scale * 2 > restX || Math.abs(y - view.y) * scale * 2 > restY;
  }

  #advance() {
    if (!this.#drawing) return false;
    const until = performance.now() + BUDGET_MS;
    do {
      const { done, value } = this.#drawing.next();
      if (!done) continue;
      this.#drawing = null;
      this.#shown = value;
      return true;
    } while (performance.now() < until);
    return false;
  }

  /** Tile by tile, so that no step of it takes long. */
  *#render(area) {
    const { x, y, scale, width, height, ratio } = area;
    const canvas = new OffscreenCanvas(Math.ceil(width * ratio), Math.ceil(height * ratio));
    const context = canvas.getContext("2d");
    const tile = new OffscreenCanvas(TILE, TILE).getContext("2d", { willReadFrequently: true });
    tile.globalCompositeOperation = "lighter";
    tile.strokeStyle = `rgb(255 255 255 / ${LIGHT})`;
    tile.lineJoin = "bevel";
    const tones = this.#tones;
    const k = scale * ratio;
    tile.lineWidth = Math.max(1, Math.min(4 * ratio, (Math.log2(k) - 19) * 0.7)); // one pixel is drawn fastest by far
    for (let top = 0; top < canvas.height; top += TILE) {
      for (let left = 0; left < canvas.width; left += TILE) {
        tile.clearRect(0, 0, TILE, TILE);
        if (!this.#trace(tile, k, x * k - canvas.width / 2 + left, y * k - canvas.height / 2 + top)) continue;
        const image = tile.getImageData(0, 0, TILE, TILE);
        const pixels = new Uint32Array(image.data.buffer);
        for (let i = 0; i < pixels.length; i++) if (pixels[i] !== 0) pixels[i] = tones[pixels[i] >>> 24];
        context.putImageData(image, left, top);
        yield;
      }
    }
    if (theme.name === "light") return { ...area, canvas };
    const small = new OffscreenCanvas(Math.ceil(canvas.width / 8), Math.ceil(canvas.height / 8));
    small.getContext("2d").drawImage(canvas, 0, 0, small.width, small.height);
    yield;
    context.globalCompositeOperation = "lighter";
    context.globalAlpha = 0.6;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    return { ...area, canvas };
  }

  /** Draws what crosses the tile at (left, top) of a world that is k pixels wide; says whether anything does. */
  #trace(tile, k, left, top) {
    const [minX, maxX] = [(left - EDGE) / k, (left + TILE + EDGE) / k];
    const [minY, maxY] = [(top - EDGE) / k, (top + TILE + EDGE) / k];
    const least = 1.5 / k;
    let any = false;
    for (const line of this.#lines) {
      if (line.maxX < minX || line.minX > maxX || line.maxY < minY || line.minY > maxY) continue;
      const { xs, ys } = line;
      let drawing = false;
      tile.beginPath();
      let x0 = xs[0], y0 = ys[0];
      for (let i = 1; i < xs.length; i++) {
        const x1 = xs[i], y1 = ys[i];
        if (Math.abs(x1 - x0) + Math.abs(y1 - y0) < least && i < xs.length - 1) continue;
        const out = (x0 < minX && x1 < minX) || (x0 > maxX && x1 > maxX) || (y0 < minY && y1 < minY) || (y0 > maxY && y1 > maxY);
        if (!out && !drawing) tile.moveTo(x0 * k - left, y0 * k - top);
        if (!out) tile.lineTo(x1 * k - left, y1 * k - top);
        drawing = !out;
        any ||= drawing;
        [x0, y0] = [x1, y1];
      }
      tile.stroke();
    }
    return any;
  }

  #blit(view, ratio) {
    const context = this.#context;
    context.fillStyle = theme.palette.ground;
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (!this.#shown) return;
    const { canvas, x, y, scale, width, height } = this.#shown;
    const zoom = view.scale / scale;
    const [w, h] = [width * zoom, height * zoom];
    const [left, top] = [view.screenX(x) - w / 2, view.screenY(y) - h / 2];
    context.imageSmoothingEnabled = zoom !== 1;
    if (zoom === 1) context.drawImage(canvas, Math.round(left * ratio), Math.round(top * ratio));
    else context.drawImage(canvas, left * ratio, top * ratio, w * ratio, h * ratio);
  }
}

const newLine = () => ({ xs: [], ys: [], minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity });

const windowOf = ({ x, y, scale, width, height }, margin) =>
  ({ x, y, scale, width: width * (1 + 2 * margin), height: height * (1 + 2 * margin) });
