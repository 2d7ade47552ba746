// The geofences of the agency: circles on the map, their card, and what the server tells of who crosses them.

import { latitude, longitude, metresPerWorld, worldX, worldY } from "./geo.js";
import { theme } from "./theme.js";

const byId = (id) => document.getElementById(id);
const LEAST_PX = 6; // what is drawn smaller was a slip

export class Geofences {
  /** By name: { name, lat, lon, radius_m }. */
  list = [];
  /** The one that is being drawn, without a name. */
  draft = null;

  #channel = null;
  #agency = "";
  #told = 0; // the time of the latest alert
  #hooks;
  #card = byId("geofences");
  #form = byId("geofences-form");
  #rows = byId("geofences-list");

  /**
   * @param {object} hooks
   * @param {() => void} hooks.onChange what is drawn has changed
   * @param {(geofence: object) => void} hooks.onShow the user wants to see one
   * @param {(alert: object) => void} hooks.onAlert a unit has crossed one
   */
  constructor(hooks) {
    this.#hooks = hooks;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#arm(!this.armed);
    });
    this.#form.elements.name.addEventListener("input", () => this.#form.elements.name.setCustomValidity(""));
  }

  /** Whether the next drag on the map draws one. */
  get armed() { return this.#card.classList.contains("drawing"); }

  /** Another agency's topic, which is not joined yet. */
  watch(agency, channel) {
    [this.#agency, this.#channel, this.#told] = [agency, channel, 0];
    this.#set([]);
    this.#arm(false);
    channel.onJoin(({ geofences, alerts }) => {
      this.#set(geofences);
      for (const alert of alerts) if (Date.parse(alert.at) > this.#told) this.#tell(alert);
    });
    channel.on("geofences", ({ geofences }) => this.#set(geofences));
    channel.on("alert", (alert) => this.#tell(alert));
  }

  /** A drag on the map, in points of the window; says whether it is ours. */
  drag(view, [x0, y0], [x, y]) {
    if (!this.armed) return false;
    const [px, py] = [view.worldX(x0), view.worldY(y0)];
    const lat = latitude(py);
    const pixels = Math.hypot(x - x0, y - y0);
    const radius = (pixels / view.scale) * metresPerWorld(lat);
    this.draft = pixels < LEAST_PX ? null : { lat, lon: longitude(px), radius_m: Math.round(Math.max(1, radius)) };
    this.#hooks.onChange();
    return true;
  }

  /** The drag has ended. */
  async drop() {
    if (!this.draft) return;
    const name = this.#form.elements.name;
    try {
      await this.#channel.push("fence", { ...this.draft, name: name.value.trim() });
      this.#form.reset();
    } catch ({ reason }) {
      name.setCustomValidity(reason);
      name.reportValidity();
    }
    this.#arm(false);
  }

  #arm(on) {
    this.draft = null;
    this.#card.classList.toggle("drawing", on);
    document.body.classList.toggle("drawing", on);
    this.#form.elements.draw.textContent = on ? "Cancel" : "Draw";
    this.#hooks.onChange();
  }

  #set(list) {
    this.list = list;
    byId("geofences-none").hidden = list.length > 0;
    this.#rows.replaceChildren(...list.map((geofence) => this.#row(geofence)));
    this.#hooks.onChange();
  }

  #row(geofence) {
    const { name, radius_m: radius } = geofence;
    const make = (tag, props) => Object.assign(document.createElement(tag), props);
    const row = make("li", {});
    const show = make("button", { type: "button", title: "Show on the map" });
    show.append(make("b", { textContent: name }), make("span", { textContent: radius < 1000 ? `${Math.round(radius)} m` : `${(radius / 1000).toFixed(1)} km` }));
    show.addEventListener("click", () => this.#hooks.onShow(geofence));
    const remove = make("button", { type: "button", className: "dismiss", title: "Remove", ariaLabel: `Remove ${name}` });
    remove.addEventListener("click", () => this.#channel.push("unfence", { name }).catch(() => {})); // it stays in the list, then
    row.append(show, remove);
    return row;
  }

  #tell({ at, unit, geofence, entered }) {
    const agency = this.#agency;
    this.#told = Math.max(this.#told, Date.parse(at));
    const text = `${entered ? "entered" : "left"} ${geofence}`;
    this.#hooks.onAlert({ key: `geofence:${agency}/${unit}/${geofence}`, tone: "warn", subject: unit, text, unit, agency, at: Date.parse(at) });
  }
}

/** Draws them, below the units. */
export function drawGeofences(context, view, { list, draft }) {
  context.strokeStyle = context.fillStyle = theme.palette.amber;
  context.lineWidth = 1.5;
  for (const geofence of draft ? [...list, draft] : list) {
    const [x, y] = [view.screenX(worldX(geofence.lon)), view.screenY(worldY(geofence.lat))];
    const radius = (geofence.radius_m / metresPerWorld(geofence.lat)) * view.scale;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.globalAlpha = 0.1;
    context.fill();
    context.globalAlpha = 0.9;
    context.setLineDash(geofence === draft ? [5, 4] : []);
    context.stroke();
    if (!geofence.name || radius < 14) continue;
    context.font = "600 11.5px ui-sans-serif, system-ui, sans-serif";
    context.textAlign = "center";
    context.fillText(geofence.name, x, y - radius - 7);
    context.textAlign = "start";
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}
