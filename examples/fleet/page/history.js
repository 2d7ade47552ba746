// The restarts of the selected unit, as the server remembers them.

import { call } from "./api.js";
import { age, clock } from "./geo.js";

const MOST = 20;

export class History {
  #box;
  #list;
  #none;
  #unit = null;
  #abort = null;

  constructor(box) {
    this.#box = box;
    this.#list = box.querySelector("ol");
    this.#none = box.querySelector("p");
  }

  /** Shows a unit's restarts; to be called again when there may be more. */
  async load(unit) {
    if (unit !== this.#unit) {
      this.#box.hidden = true;
      this.#unit = unit;
    }
    this.#abort?.abort();
    if (!unit) return;
    const { signal } = (this.#abort = new AbortController());
    try {
      const answer = await call(`/api/units/${encodeURIComponent(unit.id)}/restarts`, { signal });
      if (answer.ok) this.#show((await answer.json()).restarts ?? []);
      else this.#box.hidden = true;
    } catch {
      // No history, then; or another unit's is on its way.
    }
  }

  #show(restarts) {
    this.#list.replaceChildren(...restarts.slice(0, MOST).map(({ at, reason, back_at: back }) => {
      const item = document.createElement("li");
      const time = Object.assign(document.createElement("time"), { dateTime: at, textContent: clock(at) });
      const how = Object.assign(document.createElement("b"), {
        textContent: back ? `down ${age(Date.parse(back) - Date.parse(at))}` : "still down",
      });
      const why = Object.assign(document.createElement("span"), { textContent: reason.replace(/\s+/g, " "), title: reason });
      item.append(time, how, why);
      return item;
    }));
    this.#none.hidden = restarts.length > 0;
    this.#box.hidden = false;
  }
}
