// The list of units. It has rows only for what is in sight, however many units there are.

import { kmh } from "./geo.js";
import { standing } from "./units.js";

const ROW = 36; // CSS pixels, as in fleet.css
const RESORT_MS = 2_000;
const ORDER = ["restarting", "silent", "moving", "stopped"]; // anything else comes first: it is trouble

const compare = {
  unit: (a, b) => a.rank - b.rank,
  speed: (a, b) => (b.speed ?? -1) - (a.speed ?? -1) || a.rank - b.rank,
  state: (a, b) => ORDER.indexOf(standing(a)) - ORDER.indexOf(standing(b)) || a.rank - b.rank,
};

export class List {
  #units;
  #onSelect;
  #box = document.getElementById("list");
  #space = document.getElementById("list-space");
  #empty = document.getElementById("list-empty");
  #shown = []; // the units, filtered and in order
  #rows = [];
  #sort = "unit";
  #reverse = false;
  #query = "";
  #filter = "all";
  #generation = -1;
  #sorted = 0;
  #calm = false; // the pointer is on it: nothing may jump away from under it
  #active = null;
  #selected = null;

  constructor(units, onSelect) {
    this.#units = units;
    this.#onSelect = onSelect;
    const box = this.#box;
    box.addEventListener("scroll", () => this.#paint());
    box.addEventListener("pointerenter", () => { this.#calm = true; });
    box.addEventListener("pointerleave", () => { this.#calm = false; });
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("focus", () => { this.#active ??= this.#shown[0] ?? null; this.#paint(); });
    box.addEventListener("click", (event) => {
      const row = this.#rows.find(({ element }) => element.contains(event.target));
      if (row?.unit) this.#choose(row.unit);
    });
    new ResizeObserver(() => this.#paint()).observe(box);

    const search = document.getElementById("search");
    search.addEventListener("input", () => { this.#query = search.value.trim().toLowerCase(); this.#arrange(true); });
    for (const button of document.querySelectorAll("[data-filter]")) {
      button.addEventListener("click", () => { this.#filter = button.dataset.filter; this.#press(); this.#arrange(true); });
    }
    for (const button of document.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => {
        this.#reverse = this.#sort === button.dataset.sort && !this.#reverse;
        this.#sort = button.dataset.sort;
        this.#press();
        this.#arrange(true);
      });
    }
    this.#press();
  }

  /** Brings it up to date; to be called a few times a second. */
  refresh(now) {
    const changed = this.#generation !== this.#units.generation;
    const lively = this.#sort !== "unit" || this.#filter !== "all";
    if (changed || (lively && !this.#calm && now - this.#sorted > RESORT_MS)) this.#arrange(false, now);
    else this.#paint();
  }

  select(unit, reveal) {
    this.#selected = unit;
    if (unit) this.#active = unit;
    if (unit && reveal) this.#reveal(unit);
    this.#paint();
  }

  /** The unit so many places from the selected one. */
  beside(step) {
    const at = this.#shown.indexOf(this.#selected);
    return this.#shown[Math.max(0, Math.min(this.#shown.length - 1, at < 0 ? 0 : at + step))] ?? null;
  }

  #arrange(toTop, now = performance.now()) {
    this.#generation = this.#units.generation;
    this.#sorted = now;
    const shown = [];
    for (const unit of this.#units.list) {
      unit.matches = unit.key.includes(this.#query) && (this.#filter === "all" || standing(unit) === this.#filter);
      if (unit.matches) shown.push(unit);
    }
    shown.sort(compare[this.#sort]);
    if (this.#reverse) shown.reverse();
    this.#shown = shown;
    if (!shown.includes(this.#active)) this.#active = null;
    if (toTop) this.#box.scrollTop = 0;
    this.#space.style.height = `${shown.length * ROW}px`;
    this.#empty.hidden = shown.length > 0;
    this.#empty.textContent = this.#units.size === 0 ? "Waiting for the first positions…" : "No unit matches.";
    this.#paint();
  }

  #press() {
    for (const button of document.querySelectorAll("[data-filter]")) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === this.#filter));
    }
    for (const button of document.querySelectorAll("[data-sort]")) {
      const on = button.dataset.sort === this.#sort;
      button.setAttribute("aria-pressed", String(on));
      button.dataset.direction = !on ? "" : this.#reverse ? "up" : "down";
    }
  }

  #paint() {
    const first = Math.max(0, Math.floor(this.#box.scrollTop / ROW) - 3);
    const want = Math.min(this.#shown.length - first, Math.ceil(this.#box.clientHeight / ROW) + 6);
    while (this.#rows.length < want) this.#rows.push(newRow(this.#space));
    this.#rows.forEach((row, i) => {
      const unit = i < want ? this.#shown[first + i] : null;
      row.unit = unit;
      put(row, "hidden", unit ? "" : "1", (el, v) => { el.hidden = v !== ""; });
      if (!unit) return;
      put(row, "top", (first + i) * ROW, (el, v) => { el.style.transform = `translateY(${v}px)`; });
      put(row, "id", unit.id, () => { row.name.textContent = unit.id; });
      put(row, "standing", standing(unit), (el, v) => { el.dataset.standing = v; row.state.textContent = v; });
      put(row, "speed", kmh(unit.speed), (_, v) => { row.speed.textContent = v; });
      put(row, "selected", unit === this.#selected, (el, v) => el.setAttribute("aria-selected", String(v)));
      put(row, "active", unit === this.#active, (el, v) => el.classList.toggle("active", v));
      put(row, "position", first + i + 1, (el, v) => el.setAttribute("aria-posinset", v));
      put(row, "size", this.#shown.length, (el, v) => el.setAttribute("aria-setsize", v));
    });
    const row = this.#rows.find(({ unit }) => unit && unit === this.#active);
    if (row) this.#box.setAttribute("aria-activedescendant", row.element.id);
    else this.#box.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#box.clientHeight / ROW) - 1);
    const at = this.#shown.indexOf(this.#active);
    const to = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.#shown.length - 1,
    }[event.key];
    if (to !== undefined && this.#shown.length > 0) {
      this.#active = this.#shown[Math.max(0, Math.min(this.#shown.length - 1, to))];
      this.#reveal(this.#active);
      this.#paint();
    } else if (event.key === "Enter" || event.key === " ") {
      if (this.#active) this.#choose(this.#active);
    } else {
      return;
    }
    event.preventDefault();
  }

  #choose(unit) {
    this.#active = unit;
    this.#onSelect(unit);
  }

  #reveal(unit) {
    const top = this.#shown.indexOf(unit) * ROW;
    const box = this.#box;
    if (top < 0) return;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
  }
}

let rows = 0;

function newRow(parent) {
  const part = (name) => element.appendChild(Object.assign(document.createElement("span"), { className: name }));
  const element = Object.assign(document.createElement("div"), { className: "row", id: `row-${rows++}` });
  element.setAttribute("role", "option");
  const row = { element, unit: null, was: {}, name: part("name"), state: part("state"), speed: part("speed") };
  parent.append(element);
  return row;
}

/** Touches the document only when there is something new. */
function put(row, what, value, apply) {
  if (row.was[what] === value) return;
  row.was[what] = value;
  apply(row.element, value);
}
