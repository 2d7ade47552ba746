// The cards beside the map: alerts, doors, watchers and geofences, each opened by its button. Where there is room they stay as
// they were left; on a narrow screen one is open at a time.

import { recall, remember } from "./memory.js";

const byId = (id) => document.getElementById(id);
const CARDS = ["alerts", "doors", "watchers", "geofences"];

export class Dock {
  #narrow;
  #onChange;

  /**
   * @param {MediaQueryList} narrow
   * @param {() => void} onChange a card was opened or closed
   */
  constructor(narrow, onChange) {
    this.#narrow = narrow;
    this.#onChange = onChange;
    for (const card of CARDS) {
      byId(`${card}-button`).addEventListener("click", () => this.toggle(card));
      byId(`${card}-close`).addEventListener("click", () => { this.toggle(card, false); byId(`${card}-button`).focus(); });
    }
    narrow.addEventListener("change", () => { this.#settle(); this.#onChange(); });
    this.#settle();
  }

  toggle(card, open = byId(card).hidden) {
    if (open && this.#narrow.matches) for (const other of CARDS) this.#show(other, false);
    this.#show(card, open);
    if (!this.#narrow.matches) remember("cards", CARDS.filter((each) => !byId(each).hidden).join(" "));
    this.#onChange();
  }

  /** Closes what covers a narrow screen; says whether there was anything. */
  close() {
    const open = CARDS.filter((card) => !byId(card).hidden);
    for (const card of open) this.toggle(card, false);
    return open.length > 0;
  }

  get open() { return CARDS.some((card) => !byId(card).hidden); }

  #settle() {
    const open = this.#narrow.matches ? [] : (recall("cards") ?? "").split(" ");
    for (const card of CARDS) this.#show(card, open.includes(card));
  }

  #show(card, open) {
    byId(card).hidden = !open;
    byId(`${card}-button`).setAttribute("aria-expanded", String(open));
  }
}
