/**
 * bennu: channels in the browser.
 *
 * Speaks the Phoenix channels protocol (V2, JSON) over a websocket, with no dependencies.
 *
 *     import { Socket } from "/bennu.js";
 *
 *     const socket = new Socket("/socket", { params: { key } });
 *     socket.connect();
 *
 *     const room = socket.channel("room:1", { since: 42 });
 *     room.on("said", ({ who, text }) => show(who, text));
 *     room.onJoin((snapshot) => fill(snapshot));       // after every join, the first and all later ones
 *     await room.join();                               // the first answer
 *     const { id } = await room.push("say", { text }); // rejects with a ChannelError
 *
 * A lost connection comes back by itself and every joined channel with it; so does a channel that crashed
 * on the server. Waits double from 250 ms to 10 s with full jitter, and end early when the browser is
 * online again or the page becomes visible. Only `disconnect()` ends the connection for good, only
 * `leave()` or the server's own close end a channel.
 *
 * Delivery is at most once. A push that was sent when the connection went is rejected with status "closed":
 * the server may or may not have seen it. A push made while the channel is not joined waits for the next
 * join, within its own timeout and at most `queueMax` per channel.
 */

/** A connection or join that held this long counts as good: the next wait starts from the bottom again. */
const SETTLED_MS = 10_000;

const fullJitter = (failures) => Math.random() * Math.min(10_000, 250 * 2 ** failures);
const report = (err) => (globalThis.reportError ?? console.error)(err);

/** Why a join or push failed. */
export class ChannelError extends Error {
  /**
   * @param {string} what the topic and event
   * @param {string} status "error" (the server refused), "timeout", "closed" (not sent, or lost on the way),
   *   or the server's own word
   * @param {any} response the server's answer, if there was one
   */
  constructor(what, status, response) {
    const reason = response?.reason ?? status;
    super(`bennu: ${what}: ${reason}`);
    this.name = "ChannelError";
    this.status = status;
    this.reason = reason;
    this.response = response;
  }
}

/** Functions that are told of something. One that throws is reported and does not disturb the others. */
class Listeners {
  #fns = new Set();

  add(fn) {
    const entry = { fn };
    this.#fns.add(entry);
    return () => void this.#fns.delete(entry);
  }

  tell(...args) {
    for (const { fn } of [...this.#fns]) {
      try {
        fn(...args);
      } catch (err) {
        report(err);
      }
    }
  }
}

export class Socket {
  #url;
  #options;
  #ws = null;
  #state = "closed";
  #retryAt = null;
  #timer; // of the present state: how long to dial, when to beat, when to retry
  #beat = null; // the unanswered heartbeat's ref
  #lastRef = 0;
  #failures = 0;
  #openedAt = Infinity;
  #page = null; // takes the page's listeners away again; set from connect() to disconnect()
  #channels = new Map();
  #onState = new Listeners();

  /**
   * @param {string} url the socket's mount, absolute or relative to the page: "/socket"
   * @param {object} [options]
   * @param {object | (() => object)} [options.params] sent with each connect, as the URL's query
   * @param {number} [options.heartbeatMs] default 30,000
   * @param {number} [options.timeoutMs] for a connect, join or push; default 10,000
   * @param {number} [options.queueMax] pushes that may wait for a join, per channel; default 100
   * @param {(failures: number) => number} [options.backoff] failures in a row → ms to wait
   * @param {typeof WebSocket} [options.transport] default the browser's WebSocket
   */
  constructor(url, {
    params = {}, heartbeatMs = 30_000, timeoutMs = 10_000, queueMax = 100,
    backoff = fullJitter, transport = globalThis.WebSocket,
  } = {}) {
    this.#options = { params, heartbeatMs, timeoutMs, queueMax, backoff, transport };
    this.#url = new URL(url, globalThis.location?.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    this.#url.pathname = this.#url.pathname.replace(/\/*$/, "/websocket");
  }

  /** @returns {"connecting" | "open" | "waiting" | "closed"} */
  get state() { return this.#state; }

  /** When the next attempt starts (ms, as Date.now()), null unless the state is "waiting". */
  get retryAt() { return this.#retryAt; }

  /** Connects and stays connected until disconnect(). */
  connect() {
    if (this.#page) return;
    this.#page = new AbortController();
    const hear = (type, fn) => globalThis.addEventListener?.(type, fn, { signal: this.#page.signal });
    const wake = () => this.#state === "waiting" && this.#dial();
    hear("online", wake);
    hear("visibilitychange", () => document.visibilityState === "visible" && wake());
    hear("pagehide", () => this.#hangUp()); // an open socket would keep the page out of the back/forward cache
    hear("pageshow", () => this.#state === "closed" && this.#dial());
    this.#dial();
  }

  /** Ends the connection. Channels rejoin if connect() is called again. */
  disconnect() {
    this.#page?.abort();
    this.#page = null;
    if (this.#state !== "closed") this.#hangUp();
  }

  /**
   * A channel of this socket, not yet joined. Joining takes the topic over from an earlier channel.
   * @param {string} topic
   * @param {object | (() => object)} [params] sent with each join
   */
  channel(topic, params = {}) {
    return new Channel(this, topic, params, this.#options);
  }

  /**
   * @param {(state: string, retryAt: number | null) => void} fn told of every change
   * @returns {() => void} takes fn away again, as with every on… here
   */
  onState(fn) { return this.#onState.add(fn); }

  #dial() {
    const { params, timeoutMs, transport } = this.#options;
    this.#enter("connecting", timeoutMs, () => this.#lost());
    if (this.#state !== "connecting") return; // a listener disconnected
    try {
      const url = new URL(this.#url);
      for (const [key, value] of Object.entries(valueOf(params))) url.searchParams.set(key, value);
      url.searchParams.set("vsn", "2.0.0");
      this.#ws = new transport(url.href);
    } catch (err) {
      report(err);
      return this.#lost();
    }
    this.#ws.onopen = () => this.#opened();
    this.#ws.onmessage = ({ data }) => this.#receive(data);
    this.#ws.onclose = () => this.#lost();
    this.#ws.onerror = () => {}; // a close follows; outside of browsers an error that nobody hears is thrown
  }

  #opened() {
    this.#openedAt = Date.now();
    this.#beat = null;
    this.#enter("open", this.#options.heartbeatMs, () => this.#heartbeat());
    for (const channel of [...this.#channels.values()]) if (this.#ws) channel._opened();
  }

  #heartbeat() {
    if (this.#beat !== null) return this.#lost(); // the last one was not answered
    this.#beat = this._ref();
    this._send(null, this.#beat, "phoenix", "heartbeat", {});
    this.#timer = setTimeout(() => this.#heartbeat(), this.#options.heartbeatMs);
  }

  #receive(data) {
    const [joinRef, ref, topic, event, payload] = JSON.parse(data);
    if (topic !== "phoenix") this.#channels.get(topic)?._receive(joinRef, ref, event, payload);
    else if (ref === this.#beat) this.#beat = null;
  }

  #lost() {
    if (Date.now() - this.#openedAt >= SETTLED_MS) this.#failures = 0;
    this.#drop("waiting", this.#options.backoff(this.#failures++), () => this.#dial());
  }

  #hangUp() {
    this.#failures = 0;
    this.#drop("closed");
  }

  #drop(...next) {
    const ws = this.#ws;
    this.#ws = null;
    this.#openedAt = Infinity;
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null; // closing a dead connection can take minutes
      ws.close();
    }
    this.#enter(...next);
    for (const channel of [...this.#channels.values()]) channel._lost();
  }

  #enter(state, ms, then) {
    clearTimeout(this.#timer);
    this.#state = state;
    this.#retryAt = state === "waiting" ? Date.now() + ms : null;
    if (then) this.#timer = setTimeout(then, ms);
    this.#onState.tell(state, this.#retryAt);
  }

  // What follows is for Channel.

  _ref() { return String(++this.#lastRef); }

  _send(...message) { this.#ws?.send(JSON.stringify(message)); }

  _adopt(channel) {
    const before = this.#channels.get(channel.topic);
    if (before !== channel) before?._replaced();
    this.#channels.set(channel.topic, channel);
  }

  _forget(channel) {
    if (this.#channels.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }
}

/** One topic on a socket; made by {@link Socket#channel}. */
export class Channel {
  #socket;
  #params;
  #options;
  #state = "closed";
  #joinRef = null; // null while the server has no channel of ours
  #timer; // the next rejoin
  #failures = 0;
  #joinedAt = Infinity;
  #first = null; // the promise that join() gave
  #waiting = new Map(); // ref → who waits for the reply
  #queue = new Map(); // ref → [event, payload] to be sent after the join
  #events = new Map();
  #onJoin = new Listeners();
  #onState = new Listeners();

  constructor(socket, topic, params, options) {
    this.#socket = socket;
    this.topic = topic;
    this.#params = params;
    this.#options = options;
  }

  /** @returns {"joining" | "joined" | "errored" | "closed"} */
  get state() { return this.#state; }

  /**
   * Joins, and rejoins until leave(). The promise is the first answer: a refusal rejects it, yet the channel
   * goes on trying. It waits as long as there is no connection.
   * @returns {Promise<any>}
   */
  join() {
    if (this.#state !== "closed") return this.#first.promise;
    this.#idle(); // a leave may still be waiting
    this.#socket._adopt(this);
    this.#failures = 0;
    this.#first = deferred();
    const { promise } = this.#first;
    if (this.#socket.state === "open") this.#attempt();
    else this.#enter("joining");
    return promise;
  }

  /**
   * @param {number} [timeoutMs] counts from now, also while the push waits for the join
   * @returns {Promise<any>} the server's response; rejects with a {@link ChannelError}
   */
  push(event, payload = {}, timeoutMs = this.#options.timeoutMs) {
    const { promise, resolve, reject } = deferred();
    const done = (status, response) =>
      status === "ok" ? resolve(response) : reject(new ChannelError(`${event} on ${this.topic}`, status, response));
    if (this.#state === "closed") {
      done("closed", { reason: "not joined" });
    } else if (this.#state === "joined") {
      this.#socket._send(this.#joinRef, this.#expect(timeoutMs, done), this.topic, event, payload);
    } else if (this.#queue.size < this.#options.queueMax) {
      this.#queue.set(this.#expect(timeoutMs, done), [event, payload]);
    } else {
      done("closed", { reason: "queue full" });
    }
    return promise;
  }

  /**
   * Closes the channel here at once and tells the server.
   * @returns {Promise<any>} resolves when the server has answered, or cannot any more
   */
  leave(timeoutMs = this.#options.timeoutMs) {
    const joinRef = this.#joinRef;
    const told = this.#state !== "closed" && joinRef !== null;
    const { promise, resolve } = deferred();
    const done = () => { this.#socket._forget(this); resolve({}); };
    this.#close("left", () => {
      if (!told) return done();
      this.#joinRef = joinRef; // the reply carries it
      this.#socket._send(joinRef, this.#expect(timeoutMs, done), this.topic, "phx_leave", {});
    });
    return promise;
  }

  /** @param {string} event @param {(payload: any) => void} fn */
  on(event, fn) {
    if (!this.#events.has(event)) this.#events.set(event, new Listeners());
    return this.#events.get(event).add(fn);
  }

  /** @param {(response: any) => void} fn told of the response to every join, rejoins too */
  onJoin(fn) { return this.#onJoin.add(fn); }

  /** @param {(state: string, reason?: any) => void} fn told of every change; errored comes with a reason */
  onState(fn) { return this.#onState.add(fn); }

  #attempt() {
    clearTimeout(this.#timer);
    const ref = this.#expect(this.#options.timeoutMs, (status, response) => this.#answered(status, response));
    this.#joinRef = ref;
    this.#socket._send(ref, ref, this.topic, "phx_join", valueOf(this.#params));
    this.#enter("joining");
  }

  #answered(status, response) {
    if (status === "closed") return; // the connection went; the next one tries again
    if (status !== "ok") {
      if (status === "timeout") this.#socket._send(this.#joinRef, this.#socket._ref(), this.topic, "phx_leave", {});
      this.#first.reject(new ChannelError(`join of ${this.topic}`, status, response));
      return this.#fail(response);
    }
    this.#joinedAt = Date.now();
    for (const [ref, [event, payload]] of this.#queue) {
      this.#socket._send(this.#joinRef, ref, this.topic, event, payload);
    }
    this.#queue.clear();
    this.#first.resolve(response);
    this.#enter("joined");
    if (this.#state === "joined") this.#onJoin.tell(response);
  }

  /** The server has no channel of ours (any more): once again, later. */
  #fail(response) {
    if (Date.now() - this.#joinedAt >= SETTLED_MS) this.#failures = 0;
    const wait = this.#options.backoff(this.#failures++);
    this.#idle(response);
    this.#timer = setTimeout(() => this.#attempt(), wait);
    this.#enter("errored", response);
  }

  #close(reason, then = () => this.#socket._forget(this)) {
    this.#queue.clear();
    this.#idle({ reason });
    this.#first?.reject(new ChannelError(`join of ${this.topic}`, "closed", { reason }));
    const changed = this.#state !== "closed";
    this.#state = "closed";
    then();
    if (changed) this.#enter("closed");
  }

  /** Nothing sent so far will be answered; what is queued waits on. */
  #idle(response = {}) {
    clearTimeout(this.#timer);
    this.#joinRef = null;
    this.#joinedAt = Infinity;
    for (const ref of [...this.#waiting.keys()]) if (!this.#queue.has(ref)) this.#settle(ref, "closed", response);
  }

  #expect(timeoutMs, done) {
    const ref = this.#socket._ref();
    const timer = setTimeout(() => this.#settle(ref, "timeout", {}), timeoutMs);
    this.#waiting.set(ref, { done, timer });
    return ref;
  }

  #settle(ref, status, response) {
    const asker = this.#waiting.get(ref);
    if (!asker) return; // too late
    clearTimeout(asker.timer);
    this.#waiting.delete(ref);
    this.#queue.delete(ref);
    asker.done(status, response);
  }

  #enter(state, reason) {
    this.#state = state;
    this.#onState.tell(state, reason);
  }

  // What follows is for Socket.

  _opened() {
    this.#failures = 0;
    if (this.#state !== "closed") this.#attempt();
  }

  _lost() {
    const reason = { reason: "connection lost" };
    this.#idle(reason);
    if (this.#state !== "closed" && this.#state !== "errored") this.#enter("errored", reason);
  }

  _replaced() { this.#close("replaced"); }

  _receive(joinRef, ref, event, payload) {
    if (joinRef !== null && joinRef !== this.#joinRef) return; // meant for an earlier join
    if (event === "phx_reply") {
      this.#settle(ref, payload.status, payload.response);
      const lost = payload.status === "error" && payload.response?.reason === "unmatched topic";
      if (lost && this.#state === "joined") this.#fail(payload.response);
    } else if (event === "phx_close") {
      this.#close("closed by the server");
    } else if (event === "phx_error") {
      if (this.#state === "closed") this.#close("left");
      else this.#fail(payload);
    } else if (this.#state === "joined") {
      this.#events.get(event)?.tell(payload);
    }
  }
}

const valueOf = (params) => (typeof params === "function" ? params() : params);

/** A promise and its two ends. A rejection that nobody looks at is not the page's error. */
function deferred() {
  const d = {};
  d.promise = new Promise((resolve, reject) => Object.assign(d, { resolve, reject }));
  d.promise.catch(() => {});
  return d;
}
