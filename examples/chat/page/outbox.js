// One's own messages that are not stored yet. They are sent one after the other, so that they are stored in
// this order, each until the server says that it is. Every message has a key, made once: the server stores a
// message once, however often it is sent. They are remembered until the browser's tab is closed, so that
// nothing is lost either when the page is reloaded or another room is entered.

import { recall, remember } from "./memory.js";

const PAUSE_MS = 1_000;

/** Not randomUUID, which pages over plain HTTP lack. */
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

export class Outbox {
  /** { body, key, trouble, refused }: trouble is why it is not stored yet, refused that it never will be. */
  drafts;

  #place;
  #send;
  #hooks;
  #running = false;
  #ended = false;

  /**
   * @param {string} place where they are remembered
   * @param {(draft: object) => Promise<object>} send resolves with the stored message
   * @param {{onStored: (message: object) => void, onChange: () => void}} hooks
   */
  constructor(place, send, hooks) {
    this.#place = place;
    this.#send = send;
    this.#hooks = hooks;
    this.drafts = JSON.parse(recall("sessionStorage", place) ?? "[]");
  }

  add(body) {
    this.drafts.push({ body, key: newKey() });
    this.#changed();
    this.run();
  }

  /** The message with this key is stored, whoever says so. */
  stored(key) { this.discard(key); }

  discard(key) {
    const before = this.drafts.length;
    this.drafts = this.drafts.filter((draft) => draft.key !== key);
    if (this.drafts.length < before) this.#changed();
  }

  /** Sends what there is. */
  async run() {
    if (this.#running) return;
    this.#running = true;
    for (let draft; !this.#ended && (draft = this.drafts.find(({ refused }) => !refused)); ) await this.#try(draft);
    this.#running = false;
  }

  /** The room is left. */
  end() { this.#ended = true; }

  async #try(draft) {
    try {
      const message = await this.#send({ body: draft.body, key: draft.key });
      this.#hooks.onStored(message);
      this.stored(draft.key);
    } catch (err) {
      if (this.#ended) return;
      draft.refused = Object.keys(err.errors ?? {}).length > 0;
      draft.trouble = draft.refused ? Object.entries(err.errors).flat(2).join(" ") : err.reason ?? String(err);
      this.#changed();
      if (draft.refused) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS)); // we were too fast, or the room is not well
    }
  }

  #changed() {
    remember("sessionStorage", this.#place, JSON.stringify(this.drafts));
    this.#hooks.onChange();
  }
}
