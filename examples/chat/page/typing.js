// Who is writing just now.

import { byId } from "./dom.js";

const SHOWN_MS = 4_000;
const SAID_MS = 2_000; // at most this often

export class Typing {
  #me;
  #writers = new Map(); // name → timer
  #saidAt = 0;

  constructor(me) {
    this.#me = me;
    this.#show();
  }

  hear(name) {
    if (name === this.#me) return; // in another window
    clearTimeout(this.#writers.get(name));
    this.#writers.set(name, setTimeout(() => this.stop(name), SHOWN_MS));
    this.#show();
  }

  /** The message has come. */
  stop(name) {
    clearTimeout(this.#writers.get(name));
    if (this.#writers.delete(name)) this.#show();
  }

  end() { for (const timer of this.#writers.values()) clearTimeout(timer); }

  /** The user writes: tell, but not with each key. */
  say(tell) {
    const now = Date.now();
    if (now - this.#saidAt < SAID_MS) return;
    this.#saidAt = now;
    tell();
  }

  /** The user has sent: the next key is told again. */
  sent() { this.#saidAt = 0; }

  #show() {
    const names = [...this.#writers.keys()];
    const [a, b] = names;
    byId("typing").textContent =
      names.length === 0 ? "" :
      names.length === 1 ? `${a} is writing…` :
      names.length === 2 ? `${a} and ${b} are writing…` : "Several people are writing…";
  }
}
