// The user's name: from ?name= for this tab, or what was typed in once.

import { byId, paint } from "./dom.js";
import { recall, remember } from "./memory.js";

export class Me {
  name;

  #dialog = byId("who");
  #onChange;

  /** @param {() => void} onChange there is a name, or another one */
  constructor(onChange) {
    this.#onChange = onChange;
    this.name = new URLSearchParams(location.search).get("name") || recall("localStorage", "name") || "";
    byId("me").addEventListener("click", () => this.ask());
    this.#dialog.querySelector("form").addEventListener("submit", () => this.#take(byId("who-name").value.trim()));
    this.#dialog.addEventListener("cancel", (event) => { if (!this.name) event.preventDefault(); });
  }

  start() {
    if (this.name) this.#changed();
    else this.ask();
  }

  /** @param {string} [wrong] why the name will not do */
  ask(wrong = "") {
    const input = byId("who-name");
    input.value = this.name;
    if (wrong) this.name = "";
    byId("who-error").textContent = wrong;
    byId("who-error").hidden = wrong === "";
    if (!this.#dialog.open) this.#dialog.showModal();
    input.select();
  }

  #take(name) {
    if (!name || name === this.name) return;
    this.name = name;
    remember("localStorage", "name", name);
    const url = new URL(location);
    url.searchParams.delete("name");
    history.replaceState(null, "", url);
    this.#changed();
  }

  #changed() {
    byId("me-name").textContent = this.name;
    paint(byId("me").querySelector(".face"), this.name);
    this.#onChange();
  }
}
