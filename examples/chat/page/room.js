// One room on the socket: what was said in it, in order. A message is known by its number, seq, so what comes
// twice (in the answer to a post and as a broadcast, after a rejoin) is there once.

import { Outbox } from "./outbox.js";

/** How many messages a window holds; older ones can be asked for again. */
const MOST = 1_000;

export class Room {
  name;
  /** By seq. */
  messages = [];
  outbox;

  #channel;
  #me;
  #hooks;
  #known = new Map(); // seq → message

  /**
   * @param {Socket} socket
   * @param {string} name
   * @param {string} me the user's name
   * @param {object} hooks
   * @param {() => void} hooks.onChange there are other messages, or drafts
   * @param {(message: object) => void} hooks.onPosted somebody has just said this
   * @param {(recovered: boolean) => void} hooks.onJoin
   * @param {(name: string) => void} hooks.onTyping
   * @param {(state: string, why: any) => void} hooks.onState
   */
  constructor(socket, name, me, hooks) {
    this.name = name;
    this.#me = me;
    this.#hooks = hooks;
    const channel = (this.#channel = socket.channel(`room:${name}`, { name: me }));
    this.outbox = new Outbox(`${name}/${me}`, (draft) => channel.push("post", draft, { acknowledged: true }), {
      onStored: (message) => this.#take([message]),
      onChange: hooks.onChange,
    });
    channel.onJoin(({ messages }, { recovered }) => {
      if (!recovered) this.#reset(messages); // else what was missed follows
      hooks.onJoin(recovered);
    });
    channel.on("posted", (message) => {
      const isNew = !this.#known.has(message.seq);
      this.#take([message]);
      if (isNew) hooks.onPosted(message);
    });
    channel.on("typing", ({ name }) => hooks.onTyping(name));
    channel.onState(hooks.onState);
  }

  get state() { return this.#channel.state; }

  /** Of the channel: ask before enter(). */
  presence() { return this.#channel.presence(); }

  /** Rejects if the server does not let us in. */
  enter() {
    const joined = this.#channel.join();
    this.outbox.run();
    return joined;
  }

  leave() {
    this.outbox.end();
    this.#channel.leave();
  }

  typing() { if (this.state === "joined") this.#channel.cast("typing"); }

  crash() { this.#channel.cast("crash"); }

  get hasOlder() { return this.messages.length > 0 && this.messages[0].seq > 1; }

  async older() {
    const { messages } = await this.#channel.push("older", { seq: this.messages[0].seq });
    this.#take(messages, Infinity);
  }

  #reset(messages) {
    this.#known.clear();
    this.#take(messages);
  }

  #take(messages, most = MOST) {
    for (const message of messages) this.#known.set(message.seq, message);
    this.messages = [...this.#known.values()].sort((a, b) => a.seq - b.seq);
    for (const { seq } of this.messages.splice(0, this.messages.length - most)) this.#known.delete(seq);
    for (const { author, key } of messages) if (author === this.#me) this.outbox.stored(key);
    this.#hooks.onChange();
  }
}
