// The card of who else watches the agency, and the name by which they see us: that of the user, or one of our choice.

import { clock } from "./geo.js";
import { recall, remember } from "./memory.js";

const byId = (id) => document.getElementById(id);

export class Watchers {
  /** "" until there is one. */
  name = document.querySelector('meta[name="fleet-user"]').content || (recall("name") ?? "");

  #channel = null;
  #presence = null;
  #box = byId("watchers-name");
  #list = byId("watchers-list");

  constructor() {
    if (!this.#box) return;
    this.#box.value = this.name;
    this.#box.addEventListener("input", () => this.#box.setCustomValidity(""));
    this.#box.addEventListener("change", () => this.#rename(this.#box.value.trim()));
  }

  /** Another agency's topic, which is not joined yet. */
  watch(channel) {
    this.#channel = channel;
    const presence = (this.#presence = channel.presence());
    presence.onSync(() => { if (presence === this.#presence) this.refresh(); });
    this.refresh();
  }

  refresh() {
    const all = this.#presence?.list((name, { metas }) => ({ name, metas })) ?? [];
    byId("watchers-count").textContent = String(all.reduce((sum, { metas }) => sum + metas.length, 0));
    if (byId("watchers").hidden) return;
    all.sort((a, b) => a.name.localeCompare(b.name));
    this.#list.replaceChildren(...all.map(({ name, metas }) => this.#row(name, metas)));
  }

  #row(name, metas) {
    const row = document.createElement("li");
    const part = (tag, text) => { row.appendChild(document.createElement(tag)).textContent = text; };
    part("b", name);
    if (name === (this.name || "dispatcher")) part("span", metas.length > 1 ? `you and ${metas.length - 1} more` : "you");
    else if (metas.length > 1) part("span", `${metas.length} windows`);
    part("time", `since ${clock(Math.min(...metas.map(({ since }) => Date.parse(since)))).slice(0, 5)}`);
    return row;
  }

  /** The server decides whether it is a name. */
  async #rename(name) {
    try {
      await this.#channel.push("rename", { name });
      this.name = name;
      remember("name", name);
      this.refresh();
    } catch ({ reason }) {
      this.#box.setCustomValidity(reason);
      this.#box.reportValidity();
    }
  }
}
