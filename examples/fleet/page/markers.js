// The units on the map, drawn anew each frame: a ready-made picture for every colour and heading, copied
// to its place. A thousand of them cost a few milliseconds.

import { standing } from "./units.js";

const TURNS = 72; // pictures for a full turn
const MANY_LABELS = 70;

const TROUBLE = 4;
const COLOURS = [
  "#7d8ea3", // stopped
  "#3f9fc4", // below 20 km/h
  "#6fd0ec", // below 50 km/h
  "#e4f7ff", // faster
  "#f5b13d", // restarting
  "#ff6b6b", // anything else
];
export const ACCENT = "#6fd0ec";

function colourOf(unit) {
  switch (standing(unit)) {
    case "stopped": return 0;
    case "moving": return unit.speed < 5.56 ? 1 : unit.speed < 13.9 ? 2 : 3;
    case "restarting": return TROUBLE;
    default: return TROUBLE + 1;
  }
}

export class Markers {
  #canvas;
  #context;
  #calm;
  #atlas = null; // { canvas, size, cell, ratio }

  /** @param {MediaQueryList} calm prefers-reduced-motion */
  constructor(canvas, calm) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#calm = calm;
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
   * @param {{x: number, y: number}[]} scene.track where the selected unit has been
   */
  draw(view, ratio, now, { units, selected, hovered, track }) {
    const context = this.#context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.scale(ratio, ratio);
    if (selected) this.#track(view, track, selected);

    const size = Math.max(2.8, Math.min(10, (Math.log2(view.scale) - 15.4) * 1.3));
    const atlas = this.#pictures(size, ratio);
    const visible = [];
    const troubled = [];
    const edge = size * 2;
    for (const unit of units.list) {
      const sx = view.screenX(unit.x);
      const sy = view.screenY(unit.y);
      if (sx < -edge || sy < -edge || sx > view.width + edge || sy > view.height + edge) continue;
      visible.push(unit);
      const colour = colourOf(unit);
      if (colour >= TROUBLE) troubled.push(unit);
      else this.#put(atlas, unit, colour, sx, sy);
    }
    context.globalAlpha = 1;
    for (const unit of troubled) {
      const [sx, sy] = [view.screenX(unit.x), view.screenY(unit.y)];
      this.#pulse(sx, sy, size, now, COLOURS[colourOf(unit)]);
      this.#put(atlas, unit, colourOf(unit), sx, sy);
    }
    context.globalAlpha = 1;
    if (visible.length <= MANY_LABELS) {
      for (const unit of visible) if (unit !== selected && unit !== hovered) this.#label(view, unit, size, "#93a5b9");
    }
    if (hovered && hovered !== selected) this.#label(view, hovered, size, "#f2f7fb", true);
    if (selected) {
      this.#reticle(view.screenX(selected.x), view.screenY(selected.y), size);
      this.#put(atlas, selected, colourOf(selected), view.screenX(selected.x), view.screenY(selected.y));
      this.#label(view, selected, size + 14, "#f2f7fb", true);
    }
  }

  #put({ canvas, cell }, unit, colour, sx, sy) {
    const turn = unit.headingKnown ? ((Math.round((unit.heading / 360) * TURNS) % TURNS) + TURNS) % TURNS : TURNS;
    const side = cell / this.#atlas.ratio;
    this.#context.globalAlpha = unit.matches ? 1 : 0.16;
    this.#context.drawImage(canvas, turn * cell, colour * cell, cell, cell, sx - side / 2, sy - side / 2, side, side);
  }

  /** One row a colour, one column a heading; the last column is for who has none. */
  #pictures(wanted, ratio) {
    const size = Math.round(wanted * 2) / 2;
    if (this.#atlas?.size === size && this.#atlas.ratio === ratio) return this.#atlas;
    const cell = Math.ceil((size * 2 + 5) * ratio);
    const canvas = new OffscreenCanvas(cell * (TURNS + 1), cell * COLOURS.length);
    const context = canvas.getContext("2d");
    context.lineJoin = "round";
    COLOURS.forEach((colour, row) => {
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
        context.strokeStyle = "rgb(4 8 14 / 0.9)";
        context.lineWidth = Math.min(2, size / 2.6);
        context.stroke();
        context.fillStyle = colour;
        context.fill();
      }
    });
    this.#atlas = { canvas, size, cell, ratio };
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
    context.strokeStyle = ACCENT;
    context.fillStyle = "rgb(111 208 236 / 0.12)";
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(sx, sy, r, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.beginPath();
    for (const [dx, dy] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) {
      context.moveTo(sx + dx * (r - 3), sy + dy * (r - 3));
      context.lineTo(sx + dx * (r + 5), sy + dy * (r + 5));
    }
    context.stroke();
  }

  #label(view, unit, gap, colour, strong = false) {
    const context = this.#context;
    const [sx, sy] = [view.screenX(unit.x) + gap + 6, view.screenY(unit.y) + 4];
    context.globalAlpha = unit.matches || strong ? 1 : 0.25;
    context.font = `${strong ? 600 : 400} 11.5px ui-sans-serif, system-ui, sans-serif`;
    context.lineWidth = 3.5;
    context.lineJoin = "round";
    context.strokeStyle = "rgb(5 9 15 / 0.88)";
    context.strokeText(unit.id.slice(0, 32), sx, sy);
    context.fillStyle = colour;
    context.fillText(unit.id.slice(0, 32), sx, sy);
    context.globalAlpha = 1;
  }

  /** The older, the fainter. */
  #track(view, track, selected) {
    const context = this.#context;
    const parts = 12;
    context.strokeStyle = ACCENT;
    context.lineWidth = 2;
    context.lineJoin = context.lineCap = "round";
    for (let part = 0; part < parts; part++) {
      const [from, to] = [part, part + 1].map((n) => Math.floor((track.length * n) / parts));
      context.globalAlpha = 0.1 + 0.7 * ((part + 1) / parts) ** 1.5;
      context.beginPath();
      for (let i = Math.max(0, from - 1); i < to; i++) {
        const sx = view.screenX(track[i].x);
        const sy = view.screenY(track[i].y);
        // What was left out of the last piece: the newest fix, which the marker has not reached yet.
        if (i === track.length - 1) context.lineTo(view.screenX(selected.x), view.screenY(selected.y));
        else if (track[i].gap || i === from - 1) context.moveTo(sx, sy);
        else context.lineTo(sx, sy);
      }
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}
