// Where a unit has been, drawn in the colours of its speed: the older, the fainter.

import { theme } from "./theme.js";
import { TONES, pace } from "./units.js";

const PARTS = 6;
const LEAST_PX = 1.5;

/**
 * @param {{at: number, x: number, y: number, speed: number | null, gap: boolean}[]} track oldest first; gap: not
 *   connected to the one before
 * @param {object} unit it ends where its marker is
 */
export function drawTrack(context, view, track, unit) {
  const pieces = Array.from({ length: PARTS * TONES.length }, () => new Path2D());
  const whole = new Path2D();
  let [x0, y0] = [0, 0];
  track.forEach((point, i) => {
    const last = i === track.length - 1;
    const x = view.screenX(last ? unit.x : point.x);
    const y = view.screenY(last ? unit.y : point.y);
    if (!point.gap) {
      if (Math.abs(x - x0) + Math.abs(y - y0) < LEAST_PX && !last) return;
      const part = Math.min(PARTS - 1, Math.floor((i / track.length) * PARTS));
      for (const path of [whole, pieces[part * TONES.length + pace(point.speed)]]) {
        path.moveTo(x0, y0);
        path.lineTo(x, y);
      }
    }
    [x0, y0] = [x, y];
  });
  context.lineCap = "round";
  context.strokeStyle = theme.palette.halo;
  context.lineWidth = 5;
  context.globalAlpha = 0.6;
  context.stroke(whole);
  context.lineWidth = 2.5;
  pieces.forEach((path, i) => {
    context.globalAlpha = 0.4 + 0.6 * ((Math.floor(i / TONES.length) + 1) / PARTS);
    context.strokeStyle = theme.palette[TONES[i % TONES.length]];
    context.stroke(path);
  });
  context.globalAlpha = 1;
}

/** Marks a place on the track. */
export function drawPlace(context, view, { x, y }) {
  context.beginPath();
  context.arc(view.screenX(x), view.screenY(y), 6, 0, 2 * Math.PI);
  context.fillStyle = theme.palette["name-strong"];
  context.strokeStyle = theme.palette.halo;
  context.lineWidth = 3;
  context.stroke();
  context.fill();
}
