// The card of the selected unit.

import { age, coordinates, kmh, wind } from "./geo.js";
import { ACCENT } from "./markers.js";
import { standing } from "./units.js";

const byId = (id) => document.getElementById(id);

export class Details {
  #selection;
  #card = byId("details");
  #chart = byId("details-chart");
  #demo;
  #opener = null;

  /** @param {{demo: boolean, onClose: () => void, onFollow: () => void, onShow: () => void}} options */
  constructor(selection, { demo, onClose, onFollow, onShow }) {
    this.#selection = selection;
    this.#demo = demo;
    byId("crash-box").hidden = !demo;
    byId("details-close").addEventListener("click", onClose);
    byId("details-follow").addEventListener("click", onFollow);
    byId("details-show").addEventListener("click", onShow);
    byId("crash").addEventListener("click", () => selection.crash());
  }

  /** Another unit, or none; keyboard users get back to where they came from. */
  open(unit) {
    if (unit && this.#card.hidden) this.#opener = document.activeElement;
    const inside = this.#card.contains(document.activeElement);
    this.#card.hidden = unit === null;
    document.body.classList.toggle("selecting", unit !== null);
    if (unit) byId("details-unit").textContent = unit.id;
    else if (inside) this.#opener?.focus();
    this.refresh();
  }

  refresh() {
    const { unit, follow, track } = this.#selection;
    if (!unit) return;
    const say = (id, text) => { if (byId(id).textContent !== text) byId(id).textContent = text; };
    const heading = unit.headingKnown ? ((unit.toHeading % 360) + 360) % 360 : null;
    this.#card.dataset.standing = standing(unit);
    say("details-standing", standing(unit));
    say("details-speed", kmh(unit.speed));
    say("details-heading", heading === null ? "unknown" : `${wind(heading)} ${Math.round(heading)}°`);
    byId("details-needle").style.transform = `rotate(${heading ?? 0}deg)`;
    byId("details-needle").toggleAttribute("hidden", heading === null);
    say("details-age", `${age(Date.now() - unit.at)} ago`);
    say("details-position", coordinates(unit.lat, unit.lon));
    byId("details-follow").setAttribute("aria-pressed", String(follow));
    this.#speeds(track);
    if (this.#demo) this.#restart();
  }

  #restart() {
    const { restart, unit } = this.#selection;
    const [text, button] = {
      none: ["", "Crash this unit"],
      asked: ["Crash sent…", "Crashing…"],
      restarting: [`Restarting… ${this.#selection.elapsed().toFixed(1)} s`, "Restarting…"],
      back: [`Back after ${restart.seconds.toFixed(1)} s`, "Crash this unit"],
      missed: ["No restart seen.", "Crash this unit"],
    }[restart.phase];
    byId("crash").textContent = button;
    byId("crash").setAttribute("aria-disabled", String(restart.phase === "asked" || unit.state === "restarting"));
    const result = byId("crash-result");
    result.dataset.phase = restart.phase;
    if (result.textContent !== text) result.textContent = text;
  }

  /** How fast it has been along its track. */
  #speeds(track) {
    const ratio = devicePixelRatio || 1;
    const known = track.filter(({ speed }) => speed !== null);
    byId("details-chart-box").hidden = known.length < 2;
    if (known.length < 2) return;
    const [w, h] = [this.#chart.clientWidth, this.#chart.clientHeight];
    this.#chart.width = w * ratio;
    this.#chart.height = h * ratio;
    const context = this.#chart.getContext("2d");
    context.scale(ratio, ratio);
    const [from, to] = [known[0].at, known.at(-1).at];
    const most = Math.max(5, ...known.map(({ speed }) => speed));
    const x = ({ at }) => ((at - from) / (to - from || 1)) * w;
    const y = ({ speed }) => h - 2 - (speed / most) * (h - 6);
    context.beginPath();
    known.forEach((point, i) => (i === 0 ? context.moveTo(x(point), y(point)) : context.lineTo(x(point), y(point))));
    context.strokeStyle = ACCENT;
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.stroke();
    context.lineTo(w, h);
    context.lineTo(0, h);
    context.fillStyle = "rgb(111 208 236 / 0.12)";
    context.fill();
    byId("details-span").textContent = `Speed, last ${age(to - from)}, up to ${kmh(most)} km/h`;
  }
}
