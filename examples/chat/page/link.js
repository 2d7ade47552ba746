// Whether what is shown is live, and if not, since when and why.

import { byId } from "./dom.js";
import { note, span } from "./events.js";

export class Link {
  #socket;
  #room = null;
  #lostAt = 0; // 0: it is not
  #crashed = false;

  constructor(socket) {
    this.#socket = socket;
    socket.onState((state, retryAt, reason) => {
      if (state === "waiting") this.#lost(reason);
      this.show();
    });
    for (const type of ["online", "offline"]) addEventListener(type, () => this.show());
    setInterval(() => this.show(), 250);
  }

  /** Another room is entered. */
  enter(room) {
    this.#room = room;
    this.#lostAt = 0;
    this.show();
  }

  /** The room's channel has another state. */
  state(state, why) {
    if (state === "errored" && why?.reason === "channel_crash") {
      this.#crashed = true;
      this.#lostAt = performance.now();
      note("Your process crashed", "bad");
    }
    this.show();
  }

  joined(recovered) {
    if (this.#lostAt > 0) {
      const after = span(performance.now() - this.#lostAt);
      note(`Back after ${after}; ${recovered ? "nothing is missing" : "here is what there is now"}`, "good");
    }
    this.#lostAt = 0;
    this.#crashed = false;
    this.show();
  }

  #lost(reason) {
    if (this.#lostAt > 0 && !this.#crashed) return;
    this.#crashed = false;
    this.#lostAt = performance.now();
    note(reason ? `Connection lost: ${reason.replace(/;? ?reconnect in \d+ ms/, "")}` : "Connection lost", "bad");
  }

  show() {
    const [tone, text] = this.#now();
    if (byId("link-text").textContent === text) return;
    byId("link-text").textContent = text;
    if (byId("link").dataset.tone === tone) return;
    byId("link").dataset.tone = tone;
    byId("announce").textContent = { live: "Connected.", trying: "Not connected. Trying again.", off: text }[tone];
    document.body.classList.toggle("stale", tone !== "live");
  }

  #now() {
    const { state, retryAt } = this.#socket;
    if (state === "open" && this.#room?.state === "joined") return ["live", "Connected"];
    if (navigator.onLine === false) return ["off", "Offline"];
    if (state === "waiting") {
      const seconds = Math.ceil((retryAt - Date.now()) / 1_000);
      return ["trying", seconds > 1 ? `Reconnecting in ${seconds} s` : "Reconnecting…"];
    }
    if (state === "closed") return ["off", "Offline"];
    if (state === "connecting") return ["trying", "Connecting…"];
    return this.#room?.state === "closed" ? ["off", "Not in a room"] : ["trying", "Joining…"];
  }
}
