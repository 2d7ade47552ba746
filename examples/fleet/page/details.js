// The card of the selected unit.

import { Chart } from "./chart.js";
import { age, coordinates, kmh, wind } from "./geo.js";
import { History } from "./history.js";
import { Trips } from "./trips.js";
import { standing } from "./units.js";

const byId = (id) => document.getElementById(id);

export class Details {
  #selection;
  #card = byId("details");
  #chart;
  #history = new History(byId("history"));
  #trips;
  #demo;
  #opener = null;

  /** @param {{demo: boolean, onClose: () => void, onFollow: () => void, onShow: () => void,
   *   onPoint: (point: object | null) => void}} options */
  constructor(selection, socket, { demo, onClose, onFollow, onShow, onPoint }) {
    this.#selection = selection;
    this.#demo = demo;
    this.#trips = new Trips(socket, selection);
    this.#chart = new Chart(byId("details-chart-box"), onPoint);
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
    if (unit) byId("details-unit").textContent = byId("details-unit").title = unit.id;
    else if (inside) this.#opener?.focus();
    this.#trips.open(unit);
    this.restarted();
    this.refresh();
  }

  /** The selected unit has crashed or come back. */
  restarted() { this.#history.load(this.#selection.unit); }

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
    this.#chart.draw(track);
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
}
