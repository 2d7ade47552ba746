// The agency that is watched: its topic, its place in the address, and the others to choose from.

import { call } from "./api.js";

const REFRESH_MS = 30_000;

export class Agency {
  id = "";
  /** Why the server does not let us join, if so. */
  refused = "";

  #socket;
  #default;
  #hooks;
  #channel = null;
  #box = document.getElementById("agency");
  #shown = "";
  #others = []; // { agency, units }

  /**
   * @param {Socket} socket
   * @param {string} id the one to begin with, if the address names none
   * @param {object} hooks
   * @param {(units: object[]) => void} hooks.onSnapshot told of everything there is, at each join
   * @param {(units: object[]) => void} hooks.onMoved told of what changed since
   * @param {() => void} hooks.onSwitch another agency is watched now
   * @param {(channel: Channel) => void} hooks.onTopic its topic is about to be joined
   * @param {() => object} hooks.params what the join says of us
   * @param {() => void} hooks.onState the topic was joined or lost
   */
  constructor(socket, id, hooks) {
    this.#socket = socket;
    this.#default = id;
    this.#hooks = hooks;
    this.#box.addEventListener("change", () => this.go(this.#box.value));
    this.#box.addEventListener("blur", () => this.#list());
    addEventListener("popstate", () => this.#watch(this.#inAddress()));
    setInterval(() => this.refresh(), REFRESH_MS);
  }

  get live() { return this.#socket.state === "open" && this.#channel?.state === "joined"; }

  start() {
    this.#watch(this.#inAddress());
    this.refresh();
  }

  /** Watches another one, as a new step in the browser's history. */
  go(id) {
    if (id === this.id) return;
    const url = new URL(location);
    url.searchParams.set("agency", id);
    history.pushState(null, "", url);
    this.#watch(id);
  }

  /** Asks which agencies there are. */
  async refresh() {
    if (document.hidden && this.#others.length > 0) return;
    try {
      const answer = await call("/api/agencies");
      this.#others = answer.ok ? (await answer.json()).agencies ?? [] : [];
    } catch {
      // The ones known before, then.
    }
    this.#list();
  }

  #inAddress() { return new URLSearchParams(location.search).get("agency") || this.#default; }

  #watch(id) {
    if (id === this.id) return;
    this.#channel?.leave();
    this.id = id;
    this.refused = "";
    const channel = (this.#channel = this.#socket.channel(`agency:${id}`, this.#hooks.params));
    channel.onState((state, why) => {
      if (channel !== this.#channel) return;
      this.refused = state === "errored" && this.#socket.state === "open" ? (why?.reason ?? "refused") : "";
      this.#hooks.onState();
    });
    channel.onJoin(({ units }) => this.#hooks.onSnapshot(units ?? []));
    channel.on("moved", ({ units }) => this.#hooks.onMoved(units ?? []));
    this.#hooks.onTopic(channel);
    this.#hooks.onSwitch();
    channel.join();
    this.#list();
  }

  /** Shows the choice, unless the user is choosing. */
  #list() {
    const all = this.#others.some(({ agency }) => agency === this.id) ? this.#others : [{ agency: this.id }, ...this.#others];
    const shown = JSON.stringify([this.id, all]);
    if (shown === this.#shown) return;
    if (document.activeElement === this.#box && this.#box.options.length === all.length) {
      this.#box.value = this.id;
      return;
    }
    this.#shown = shown;
    this.#box.replaceChildren(...all.map(({ agency, units }) => {
      const text = agency.toUpperCase() + (units === undefined ? "" : ` · ${units.toLocaleString("en")}`);
      return new Option(text, agency, false, agency === this.id);
    }));
  }
}
