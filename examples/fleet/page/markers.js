// The units on the map, drawn anew each frame: a ready-made picture for every colour and heading, copied
// to its place. A thousand of them cost a few milliseconds.

import { drawGeofences } from "./geofences.js";
import { drawPlace, drawTrack } from "./track.js";
import { theme } from "./theme.js";
import { TONES, pace, standing } from "./units.js";

const TURNS = 72; // pictures for a full turn
const MANY_LABELS = 70;
/** Markers up to this size hide one another: one of a pace is drawn for each so many pixels, both ways. */
const CROWDED_SIZE = 6.5;
const CROWD_PX = 3;

const LOOKS = [...TONES, "unit-restarting", "unit-other", "unit-silent"];
const RESTARTING = TONES.length;
const OTHER = RESTARTING + 1;
const SILENT = OTHER + 1;

function lookOf(unit) {
  if (unit.state === "online" && !unit.silent) return pace(unit.speed);
  switch (standing(unit)) {
    case "restarting": return RESTARTING;
    case "silent": return SILENT;
    default: return OTHER;
  }
}

/** The longer silent, the dimmer. */
const dimmed = (unit, now) => Math.max(0.35, 0.8 - (now - unit.heard) / 1_200_000);

export class Markers {
  #canvas;
  #context;
  #calm;
  #columns = 0; // of cells; 0: there is room for all
  #taken = new Uint8Array(0); // of each cell, the paces that are in it
  #atlas = null; // { image, size, cell, ratio, side }

  /** @param {MediaQueryList} calm prefers-reduced-motion */
  constructor(canvas, calm) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#calm = calm;
    theme.onChange(() => { this.#atlas = null; });
  }

  /** The unit shown nearest to a point of the window, if one is within reach. */
  static near(units, view, sx, sy, reach) {
    let best = null;
    let least = reach * reach;
    for (const unit of units.list) {
      const dx = view.screenX(unit.x) - sx;
      const dy = view.screenY(unit.y) - sy;
      const d = (dx * dx + dy * dy) * (unit.matches ? 1 : 4);
      if (d <= least) [best, least] = [unit, d];
    }
    return best;
  }

  /**
   * @param {object} scene
   * @param {Units} scene.units
   * @param {object | null} scene.selected a unit
   * @param {object | null} scene.hovered a unit
   * @param {object[]} scene.track where the selected unit has been
   * @param {object | null} scene.place the point of the track that is pointed at
   * @param {Geofences} scene.geofences
   */
  draw(view, ratio, now, { units, selected, hovered, track, place, geofences }) {
    const context = this.#context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.scale(ratio, ratio);
    drawGeofences(context, view, geofences);
    if (selected) drawTrack(context, view, track, selected);

    const size = Math.max(2.8, Math.min(10, (Math.log2(view.scale) - 15.4) * 1.3));
    const atlas = this.#pictures(size, ratio);
    const visible = [];
    const silent = [];
    const well = [];
    const troubled = [];
    const edge = size * 2;
    for (const unit of units.list) {
      unit.drawnX = unit.x;
      unit.drawnY = unit.y;
      const sx = view.screenX(unit.x);
      const sy = view.screenY(unit.y);
      if (sx < -edge || sy < -edge || sx > view.width + edge || sy > view.height + edge) continue;
      visible.push(unit);
      const look = lookOf(unit);
      (look === SILENT ? silent : look < RESTARTING ? well : troubled).push(unit);
    }
    for (const unit of silent) this.#put(atlas, view, unit, dimmed(unit, now));
    this.#open(view, size);
    for (const unit of well) if (!this.#isCrowded(view, unit)) this.#put(atlas, view, unit);
    for (const unit of troubled) {
      this.#pulse(view.screenX(unit.x), view.screenY(unit.y), size, now, theme.palette[LOOKS[lookOf(unit)]]);
      this.#put(atlas, view, unit);
    }
    context.globalAlpha = 1;
    if (visible.length <= MANY_LABELS) {
      for (const unit of visible) if (unit !== selected && unit !== hovered) this.#label(view, unit, size);
    }
    if (hovered && hovered !== selected) this.#label(view, hovered, size, true);
    if (selected) {
      this.#reticle(view.screenX(selected.x), view.screenY(selected.y), size);
      this.#put(atlas, view, selected);
      if (place) drawPlace(context, view, place);
      this.#label(view, selected, size + 14, true);
    }
  }

  /** A new drawing: nothing is taken. */
  #open(view, size) {
    this.#columns = size <= CROWDED_SIZE ? Math.ceil(view.width / CROWD_PX) + 1 : 0;
    const cells = this.#columns * (Math.ceil(view.height / CROWD_PX) + 1);
    if (this.#taken.length !== cells) this.#taken = new Uint8Array(cells);
    else this.#taken.fill(0);
  }

  #isCrowded(view, unit) {
    if (this.#columns === 0 || !unit.matches) return false;
    const [column, row] = [view.screenX(unit.x) / CROWD_PX, view.screenY(unit.y) / CROWD_PX];
    if (column < 0 || row < 0 || column >= this.#columns) return false;
    const cell = Math.floor(row) * this.#columns + Math.floor(column);
    const bit = 1 << pace(unit.speed);
    if (this.#taken[cell] & bit) return true;
    this.#taken[cell] |= bit;
    return false;
  }

  #put({ image, cell, side }, view, unit, alpha = 1) {
    const turn = unit.headingKnown ? ((Math.round((unit.heading / 360) * TURNS) % TURNS) + TURNS) % TURNS : TURNS;
    const x = view.screenX(unit.x) - side / 2;
    const y = view.screenY(unit.y) - side / 2;
    this.#context.globalAlpha = unit.matches ? alpha : alpha * 0.16;
    this.#context.drawImage(image, turn * cell, lookOf(unit) * cell, cell, cell, x, y, side, side);
  }

  /** One row a colour, one column a heading; the last column is for who has none. */
  #pictures(wanted, ratio) {
    const size = Math.round(wanted * 2) / 2;
    if (this.#atlas?.size === size && this.#atlas.ratio === ratio) return this.#atlas;
    const cell = Math.ceil((size * 2 + 5) * ratio);
    const canvas = new OffscreenCanvas(cell * (TURNS + 1), cell * LOOKS.length);
    const context = canvas.getContext("2d");
    context.lineJoin = "round";
    LOOKS.forEach((look, row) => {
      for (let turn = 0; turn <= TURNS; turn++) {
        context.setTransform(ratio, 0, 0, ratio, (turn + 0.5) * cell, (row + 0.5) * cell);
        context.rotate((turn / TURNS) * 2 * Math.PI);
        context.beginPath();
        if (turn === TURNS) {
          context.arc(0, 0, size * 0.6, 0, 2 * Math.PI);
        } else {
          context.moveTo(0, -size);
          context.lineTo(size * 0.68, size * 0.8);
          context.lineTo(0, size * 0.42);
          context.lineTo(-size * 0.68, size * 0.8);
          context.closePath();
        }
        context.strokeStyle = theme.palette.halo;
        context.lineWidth = Math.min(2, size / 2.6);
        context.stroke();
        context.fillStyle = context.strokeStyle = theme.palette[look];
        if (row === SILENT && size > 4) {
          context.lineWidth = 1.5; // hollow: not only its colour says so
          context.stroke();
        } else {
          context.fill();
        }
      }
    });
    this.#atlas = { image: canvas.transferToImageBitmap(), size, cell, ratio, side: cell / ratio };
    return this.#atlas;
  }

  #pulse(sx, sy, size, now, colour) {
    const context = this.#context;
    const t = this.#calm.matches ? 0.35 : (now % 900) / 900;
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.globalAlpha = 1 - t;
    context.beginPath();
    context.arc(sx, sy, size + 2 + 14 * t, 0, 2 * Math.PI);
    context.stroke();
    context.globalAlpha = 1;
  }

  #reticle(sx, sy, size) {
    const context = this.#context;
    const r = size + 9;
    context.strokeStyle = context.fillStyle = theme.palette.accent;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(sx, sy, r, 0, 2 * Math.PI);
    context.globalAlpha = 0.12;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
    context.beginPath();
    for (const [dx, dy] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) {
      context.moveTo(sx + dx * (r - 3), sy + dy * (r - 3));
      context.lineTo(sx + dx * (r + 5), sy + dy * (r + 5));
    }
    context.stroke();
  }

  #label(view, unit, gap, strong = false) {
    const context = this.#context;
    const [sx, sy] = [view.screenX(unit.x) + gap + 6, view.screenY(unit.y) + 4];
    context.globalAlpha = unit.matches || strong ? 1 : 0.25;
    context.font = `${strong ? 600 : 400} 11.5px ui-sans-serif, system-ui, sans-serif`;
    context.lineWidth = 3.5;
    context.lineJoin = "round";
    context.strokeStyle = theme.palette.halo;
    context.strokeText(unit.id.slice(0, 32), sx, sy);
    context.fillStyle = theme.palette[strong ? "name-strong" : "name"];
    context.fillText(unit.id.slice(0, 32), sx, sy);
    context.globalAlpha = 1;
  }
}
