// Light room or dark room: as the system has it, until the user says otherwise. The colours themselves are
// in palette.css; the canvases get theirs from there too.

import { recall, remember } from "./memory.js";

const COLOURS = [
  "ground", "panel", "accent", "amber", "halo", "name", "name-strong",
  "unit-stopped", "unit-slow", "unit-middle", "unit-fast", "unit-restarting", "unit-silent", "unit-other",
  "street-0", "street-1", "street-2", "street-3", "street-4",
];

const root = document.documentElement;
const light = matchMedia("(prefers-color-scheme: light)");
const listeners = [];

class Theme {
  /** "light" or "dark". */
  name = "dark";
  /** Colour → what a canvas understands. */
  palette = {};

  constructor() {
    this.#apply();
    light.addEventListener("change", () => this.#apply());
  }

  toggle() {
    remember("theme", this.name === "light" ? "dark" : "light");
    this.#apply();
  }

  /** @param {() => void} fn told of every change */
  onChange(fn) { listeners.push(fn); }

  #apply() {
    const chosen = recall("theme");
    this.name = chosen === "light" || chosen === "dark" ? chosen : light.matches ? "light" : "dark";
    root.dataset.theme = this.name;
    const probe = root.appendChild(document.createElement("i"));
    for (const colour of COLOURS) {
      probe.style.color = `var(--${colour})`;
      this.palette[colour] = getComputedStyle(probe).color;
    }
    probe.remove();
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) meta.content = this.palette.panel;
    for (const fn of listeners) fn();
  }
}

export const theme = new Theme();
