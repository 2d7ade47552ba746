// Who is in the room: one entry for each user, however many windows. Who goes is shown for a moment more, since
// most are back at once: a reload, a crash.

import { byId, face, fill, make } from "./dom.js";

const GRACE_MS = 1_500;

export class People {
  #me;
  #presence;
  #rows = new Map(); // name → element
  #leaving = new Map(); // name → timer

  constructor(presence, me) {
    this.#presence = presence;
    this.#me = me;
    presence.onLeave((name, rest) => rest.metas.length === 0 && this.#linger(name));
    presence.onSync(() => this.#show());
    this.#show();
  }

  /** Another room is entered. */
  end() { for (const timer of this.#leaving.values()) clearTimeout(timer); }

  #linger(name) {
    clearTimeout(this.#leaving.get(name));
    this.#leaving.set(name, setTimeout(() => { this.#leaving.delete(name); this.#show(); }, GRACE_MS));
  }

  #show() {
    const here = new Map(this.#presence.list((name, { metas }) => [name, metas.length]));
    for (const name of this.#leaving.keys()) if (!here.has(name) && this.#rows.has(name)) here.set(name, 0);
    const rows = new Map();
    const order = (a, b) => (b === this.#me) - (a === this.#me) || a.localeCompare(b);
    for (const name of [...here.keys()].sort(order)) {
      const row = this.#rows.get(name) ?? newRow(name, name === this.#me);
      const windows = here.get(name);
      row.classList.toggle("leaving", windows === 0);
      row.lastChild.textContent = windows > 1 ? `${windows} windows` : "";
      rows.set(name, row);
    }
    this.#rows = rows;
    fill(byId("people"), [...rows.values()]);
    byId("people-count").textContent = rows.size;
    byId("people-title").textContent = rows.size > 0 ? `Here now · ${rows.size}` : "Here now";
  }
}

function newRow(name, isMe) {
  const row = make("li");
  row.dataset.name = name;
  row.append(face(name), make("span", "name", name), make("small", "", isMe ? "you" : ""), make("small", "windows"));
  return row;
}
