// How fast a unit has been along its track. Pointing at it shows where that was.

import { age, clock, kmh } from "./geo.js";
import { theme } from "./theme.js";
import { TONES, pace } from "./units.js";

export class Chart {
  #canvas;
  #caption;
  #box;
  #track = [];
  #pointed = null; // a point of the track
  #onPoint;

  /** @param {(point: object | null) => void} onPoint told which point of the track the pointer is at */
  constructor(box, onPoint) {
    this.#box = box;
    this.#canvas = box.querySelector("canvas");
    this.#caption = box.querySelector("figcaption");
    this.#onPoint = onPoint;
    this.#canvas.addEventListener("pointermove", ({ offsetX }) => this.#point(offsetX));
    for (const type of ["pointerleave", "pointercancel"]) this.#canvas.addEventListener(type, () => this.#point(null));
  }

  /** @param {object[]} track as in track.js */
  draw(track) {
    this.#track = track.filter(({ speed }) => speed !== null);
    this.#box.hidden = this.#track.length < 2;
    if (this.#box.hidden) return this.#point(null);
    const ratio = devicePixelRatio || 1;
    const [w, h] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    if (this.#canvas.width !== Math.round(w * ratio) || this.#canvas.height !== Math.round(h * ratio)) {
      this.#canvas.width = Math.round(w * ratio);
      this.#canvas.height = Math.round(h * ratio);
    }
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, w, h);
    const from = this.#track[0].at;
    const to = this.#track.at(-1).at;
    const most = this.#track.reduce((max, { speed }) => Math.max(max, speed), 5);
    const x = ({ at }) => ((at - from) / (to - from || 1)) * w;
    const y = ({ speed }) => h - 2 - (speed / most) * (h - 8);
    this.#curve(context, x, y, h);
    if (this.#pointed) this.#mark(context, x(this.#pointed), y(this.#pointed), h);
    this.#say(from, to, most);
  }

  /** In the colours of the track, each piece standing on the ground. */
  #curve(context, x, y, h) {
    context.lineWidth = 1.75;
    context.lineJoin = context.lineCap = "round";
    let i = 1;
    while (i < this.#track.length) {
      const tone = pace(this.#track[i].speed);
      context.beginPath();
      const first = x(this.#track[i - 1]);
      context.moveTo(first, y(this.#track[i - 1]));
      while (i < this.#track.length && pace(this.#track[i].speed) === tone) context.lineTo(x(this.#track[i]), y(this.#track[i++]));
      context.strokeStyle = context.fillStyle = theme.palette[TONES[tone]];
      context.stroke();
      context.lineTo(x(this.#track[i - 1]), h);
      context.lineTo(first, h);
      context.globalAlpha = 0.16;
      context.fill();
      context.globalAlpha = 1;
    }
  }

  #mark(context, x, y, h) {
    context.fillStyle = theme.palette["name-strong"];
    context.globalAlpha = 0.5;
    context.fillRect(Math.round(x), 0, 1, h);
    context.globalAlpha = 1;
    context.beginPath();
    context.arc(x, y, 3.5, 0, 2 * Math.PI);
    context.fill();
  }

  #say(from, to, most) {
    const point = this.#pointed;
    const text = point
      ? `${kmh(point.speed)} km/h at ${clock(point.at)}`
      : `Speed, last ${age(to - from)}, up to ${kmh(most)} km/h`;
    if (this.#caption.textContent !== text) this.#caption.textContent = text;
  }

  #point(offsetX) {
    let nearest = null;
    if (offsetX !== null && this.#track.length > 1) {
      const [from, to] = [this.#track[0].at, this.#track.at(-1).at];
      const at = from + (offsetX / this.#canvas.clientWidth) * (to - from);
      for (const point of this.#track) if (!nearest || Math.abs(point.at - at) < Math.abs(nearest.at - at)) nearest = point;
    }
    if (nearest === this.#pointed) return;
    this.#pointed = nearest;
    this.#onPoint(nearest);
    if (!this.#box.hidden) this.draw(this.#track);
  }
}
