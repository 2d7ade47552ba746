// @ts-self-types="./bennu.d.ts"
/**
 * bennu: the client of channels, for browsers, Node and Deno. bennu.d.ts has the options and the types.
 *
 * Speaks the Phoenix channels protocol (V2) over a websocket, or by long-polling where no websocket gets
 * through, with no dependencies.
 *
 *     import { Socket } from "/bennu.js";
 *
 *     const socket = new Socket("/socket");
 *     socket.connect();
 *
 *     const room = socket.channel("room:1", { name: "ada" });
 *     room.on("posted", ({ who, text }) => show(who, text));
 *     room.onJoin((snapshot, { recovered }) => recovered || fill(snapshot)); // after every join, rejoins too
 *     await room.join();                                                     // the first answer
 *     const { id } = await room.push("post", { text });                      // rejects with a ChannelError
 *
 * A lost connection comes back by itself and every joined channel with it; so does a channel that crashed
 * on the server. Waits double from 250 ms to 10 s with full jitter, unless the server has advised another;
 * they end early when the browser is online again or the page becomes visible. Only `disconnect()` ends the
 * connection for good, only `leave()` or the server's own close end a channel.
 *
 * Delivery is at most once. Of a topic with a history, what was missed comes after the rejoin's onJoin and before
 * anything new, if the server still has all of it: that is `recovered`. Listen before the join.
 *
 * A push that was sent when the connection went is rejected with status "closed": the server may or may not
 * have seen it. With `{ acknowledged: true }` it is sent again after each rejoin until it is answered. A push made
 * while the channel is not joined waits for the next join, within its own timeout and at most `queueMax` per channel.
 * One that is longer than the server takes is rejected, and never sent again.
 */

/** A connection or join that held this long counts as good: the next wait starts from the bottom again. */
const SETTLED_MS = 10_000;
/** How long a server lets a poll wait when there is nothing to say. */
const POLL_MS = 10_000;
/** What one POST of long-polling may hold; a longer message goes alone. */
const POST_LINES = 100;
const POST_CHARS = 65_536;
/** A request that outlives its page may have 64 KiB, which so many characters never exceed. */
const KEEPALIVE_CHARS = 65_536 / 3;
/** The code of a close because of a message that is longer than the server takes. */
const TOO_LONG = 1009;
/** Why nothing comes any more of a channel that was left. */
const LEFT = { reason: "left", kind: "canceled" };

const fullJitter = (failures) => Math.random() * Math.min(10_000, 250 * 2 ** failures);
/** setTimeout, for which anything over 24 days would be at once: here it is never. */
const later = (fn, ms) => (ms < 2 ** 31 ? setTimeout(fn, ms) : undefined);
const report = (err) => (globalThis.reportError ?? console.error)(err);

/** The kinds of errors, as the server's package fault names them. */
const KINDS = new Set([
  "internal error", "invalid", "unauthenticated", "forbidden", "not found", "conflict", "exhausted", "timeout", "unavailable", "canceled",
]);

/** Why a join or push failed. */
export class ChannelError extends Error {
  constructor(what, status, response) {
    const reason = response?.reason ?? status;
    super(`bennu: ${what}: ${reason}`);
    this.name = "ChannelError";
    this.status = status;
    this.reason = reason;
    const kind = [response?.kind, status === "closed" ? "unavailable" : status, reason].find((word) => KINDS.has(word));
    this.kind = kind ?? (reason === "unmatched topic" ? "not found" : "invalid");
    this.errors = response?.errors ?? {}; // what is wrong, by field
    this.response = response;
  }
}

/** Functions that are told of something. One that throws is reported and does not disturb the others. */
class Listeners {
  #fns = new Set();

  get any() { return this.#fns.size > 0; }

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

/**
 * One connection to the server: closed → connecting → open, from both waiting → connecting, and closed from
 * anywhere. To connect it tries a websocket, and long-polling if that fails and none ever opened.
 */
export class Socket {
  #url;
  #options;
  #state = "closed";
  #timer; // of the present state: how long to dial, when to beat, how long to wait for its answer, when to retry
  #retryAt = null;
  #advised = false; // the server told how long to wait
  #reconnectMs = null; // the server's advice for the next loss
  #messageBytes = Infinity; // the most that the server takes, as it said on this connection
  #failures = 0;
  #link = null; // a WebSocket or LongPoll
  #kind = null; // "websocket" or "longpoll": what the link is, or was
  #settledOn = null; // the kind that has opened, and is used from then on
  #noWebSocket = null; // why, if this dial has fallen back
  #tries = 0; // a token that comes late is for an earlier one
  #beating = false; // a heartbeat is not answered yet
  #openedAt = Infinity;
  #lastRef = 0;
  #page = null; // takes the page's listeners away again; set from connect() to disconnect()
  #channels = new Map();
  #onState = new Listeners();

  constructor(url, {
    params = {}, token = null, heartbeatMs = 30_000, timeoutMs = 10_000, queueMax = 100, backoff = fullJitter,
    transport = globalThis.WebSocket ?? "longpoll", fallbackMs = 2_500,
  } = {}) {
    this.#options = { params, token, heartbeatMs, timeoutMs, queueMax, backoff, transport, fallbackMs };
    this.#url = new URL(url, globalThis.location?.href);
    if (fallbackMs < Infinity && remembered(this.#url)) this.#settledOn = "longpoll";
  }

  get state() { return this.#state; }

  /** When the next attempt starts (ms, as Date.now()), null unless the state is "waiting". */
  get retryAt() { return this.#retryAt; }

  get transport() { return this.#state === "open" ? this.#kind : null; }

  /** Connects and stays connected until disconnect(). */
  connect() {
    if (this.#page) return;
    this.#page = new AbortController();
    const hear = (type, fn) => globalThis.addEventListener?.(type, fn, { signal: this.#page.signal });
    hear("online", () => this.#wake());
    hear("visibilitychange", () => document.visibilityState === "visible" && this.#wake());
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

  /** A channel of this socket, not yet joined. Joining takes the topic over from an earlier channel. */
  channel(topic, params = {}, { resume = true } = {}) {
    return new Channel(this, topic, params, { ...this.#options, resume });
  }

  onState(fn) { return this.#onState.add(fn); }

  #dial() {
    this.#enter("connecting");
    if (this.#state !== "connecting") return; // a listener disconnected
    this.#noWebSocket = null;
    this.#try(this.#options.transport === "longpoll" ? "longpoll" : this.#settledOn ?? "websocket");
  }

  #try(kind) {
    this.#unlink();
    this.#kind = kind;
    this.#after(this.#options.timeoutMs, () => this.#lost());
    const mine = this.#tries;
    const open = (token) => mine === this.#tries && this.#open(token);
    const fail = (err) => {
      report(err);
      if (mine === this.#tries) this.#lost();
    };
    try {
      const token = valueOf(this.#options.token);
      if (token?.then) token.then(open).catch(fail);
      else open(token);
    } catch (err) {
      fail(err);
    }
  }

  #open(token) {
    const { transport, timeoutMs, fallbackMs } = this.#options;
    const url = this.#address();
    if (this.#kind === "longpoll") this.#link = new LongPoll(url, token, timeoutMs);
    else if (token) this.#link = new transport(url, ["phoenix", `base64url.bearer.phx.${base64url(utf8(token))}`]);
    else this.#link = new transport(url);
    const ms = this.#mayFallBack() ? Math.min(fallbackMs * 2 ** this.#failures, timeoutMs) : timeoutMs;
    this.#after(ms, () => this.#failed());
    this.#link.binaryType = "arraybuffer";
    this.#link.onopen = () => this.#opened();
    this.#link.onmessage = ({ data }) => this.#receive(data);
    this.#link.onclose = (close) => (this.#state === "open" ? this.#lost(close) : this.#failed(close));
    this.#link.onerror = () => {}; // a close follows; outside of browsers an error that nobody hears is thrown
  }

  #address() {
    const url = new URL(this.#url);
    url.protocol = this.#kind === "longpoll" ? url.protocol.replace("ws", "http") : url.protocol.replace("http", "ws");
    url.pathname = url.pathname.replace(/\/*$/, `/${this.#kind}`);
    for (const [key, value] of Object.entries(valueOf(this.#options.params))) url.searchParams.set(key, value);
    url.searchParams.set("vsn", "2.0.0");
    return url.href;
  }

  #mayFallBack() { return this.#kind === "websocket" && this.#settledOn === null && this.#options.fallbackMs < Infinity; }

  /** The try did not open. */
  #failed(close) {
    if (this.#mayFallBack() && advice(close) === null) {
      this.#noWebSocket = troubleOf(close);
      return this.#try("longpoll");
    }
    if (this.#kind === "longpoll") this.#settle(null);
    if (this.#noWebSocket) close = { reason: `no websocket: ${this.#noWebSocket}; no long-polling: ${troubleOf(close)}` };
    this.#lost(close);
  }

  #settle(kind) {
    this.#settledOn = kind;
    if (this.#options.transport !== "longpoll") remember(this.#url, kind === "longpoll");
  }

  #opened() {
    this.#messageBytes = Infinity; // until a join is answered
    this.#settle(this.#kind);
    this.#openedAt = Date.now();
    this.#beating = false;
    this.#enter("open", this.#options.heartbeatMs, () => this.#beat());
    for (const channel of [...this.#channels.values()]) if (this.#state === "open") channel._opened();
  }

  #beat() {
    if (this.#beating || this.#kind === "longpoll") return; // each poll is a heartbeat
    this.#beating = true;
    this._send(encode(null, this._ref(), "phoenix", "heartbeat", "{}"));
    this.#after(this.#options.timeoutMs, () => this.#lost({ reason: "heartbeat timeout" }));
  }

  #receive(data) {
    if (this.#beating) this.#after(this.#options.heartbeatMs, () => this.#beat());
    this.#beating = false;
    try {
      const [joinRef, ref, topic, event, payload, meta] = decode(data);
      this.#channels.get(topic)?._receive(joinRef, ref, event, payload, meta ?? {});
    } catch (err) {
      report(err);
    }
  }

  /** Somebody looks, or the network has changed. */
  #wake() {
    if (this.#state === "waiting" && !this.#advised) this.#dial();
    else if (this.#state === "open") this.#beat();
  }

  #lost(close) {
    if (Date.now() - this.#openedAt >= SETTLED_MS) this.#failures = 0;
    const advised = advice(close);
    this.#advised = advised !== null;
    this.#drop(close, "waiting", advised ?? this.#wait(), () => this.#dial(), close?.reason);
  }

  #wait() {
    const failures = this.#failures++;
    const { backoff } = this.#options;
    if (this.#state !== "open" || this.#reconnectMs === null) return backoff(failures);
    const spread = Math.random() * this.#reconnectMs;
    return failures > 0 ? Math.max(spread, backoff(failures)) : spread;
  }

  #hangUp() {
    this.#failures = 0;
    // A websocket's end tells the server. Of long-polling it would learn only when nobody polls for long.
    if (this.#kind === "longpoll") for (const channel of this.#channels.values()) channel._tellLeave();
    this.#drop(undefined, "closed");
  }

  #drop(close, ...next) {
    this.#unlink();
    this.#openedAt = Infinity;
    this.#enter(...next);
    for (const channel of [...this.#channels.values()]) channel._lost(close);
  }

  #unlink() {
    const link = this.#link;
    this.#link = null;
    this.#tries++;
    if (!link) return;
    link.onopen = link.onmessage = link.onclose = null; // closing a dead connection can take minutes
    link.close();
  }

  #enter(state, ms, then, reason) {
    this.#state = state;
    this.#retryAt = state === "waiting" ? Date.now() + ms : null;
    this.#after(ms, then);
    this.#onState.tell(state, this.#retryAt, reason || undefined);
  }

  #after(ms, then) {
    clearTimeout(this.#timer);
    if (then) this.#timer = later(then, ms);
  }

  // What follows is for Channel.

  _ref() { return String(++this.#lastRef); }

  _send(frame) { this.#link?.send(frame); }

  _advise({ reconnect_ms: reconnectMs = this.#reconnectMs, message_bytes: messageBytes }) {
    this.#reconnectMs = reconnectMs;
    this.#messageBytes = messageBytes || this.#messageBytes;
  }

  /** Why the server would not take a frame. */
  _refusal(frame) {
    const most = this.#messageBytes;
    if (!isLonger(frame, most)) return null;
    return { reason: `the message is longer than the ${most} bytes that the server takes`, kind: "invalid" };
  }

  _adopt(channel) {
    const before = this.#channels.get(channel.topic);
    if (before !== channel) before?._replaced();
    this.#channels.set(channel.topic, channel);
  }

  _forget(channel) {
    if (this.#channels.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }
}

/** One topic on a socket: closed → joining → joined, from both errored → joining, and closed from anywhere. */
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
  #asked = new Map(); // ref → { event, body, meta, held, silent, timer, done }: waits for its reply; held: not sent yet
  #warned = new Set();
  #epoch = null; // of the topic's history, if it keeps one
  #offset = -1; // the last message of it that was delivered
  #presence = null;
  #events = new Map();
  #onJoin = new Listeners();
  #onState = new Listeners();

  constructor(socket, topic, params, options) {
    this.#socket = socket;
    this.topic = topic;
    this.#params = params;
    this.#options = options;
  }

  get state() { return this.#state; }

  /** Joins, and rejoins until leave(). The promise is the first answer: a refusal rejects it, not the channel. */
  join() {
    if (this.#state !== "closed") return this.#first.promise;
    this.#idle(); // a leave may still be waiting
    this.#socket._adopt(this);
    this.#failures = 0;
    this.#epoch = null;
    this.#first = deferred(Watched);
    const { promise } = this.#first;
    if (this.#socket.state === "open") this.#attempt();
    else this.#enter("joining");
    return promise;
  }

  push(event, payload = {}, options = {}) {
    const { acknowledged = false, timeoutMs = acknowledged ? Infinity : this.#options.timeoutMs } = options;
    const { promise, resolve, reject } = deferred();
    const failure = (...why) => new ChannelError(`${event} on ${this.topic}`, ...why);
    const done = (status, response) => (status === "ok" ? resolve(response) : reject(failure(status, response)));
    const refusal = this.#refusal();
    try {
      if (refusal) throw failure("closed", refusal);
      const body = bodyOf(payload, this.topic, event);
      if (acknowledged && typeof body !== "string") throw new TypeError("bennu: an acknowledged push cannot carry bytes");
      const meta = acknowledged ? { id: newID() } : undefined;
      this.#ask({ event, body, meta, held: this.#state !== "joined", done }, timeoutMs);
    } catch (err) {
      reject(err);
    }
    return promise;
  }

  cast(event, payload = {}) {
    const body = bodyOf(payload, this.topic, event);
    const drop = (reason) => this.#warn(`bennu: ${event} on ${this.topic} dropped: ${reason}`);
    const refusal = this.#refusal();
    if (refusal) return drop(refusal.reason);
    const done = (status, { reason }) => drop(reason);
    this.#ask({ event, body, silent: true, held: this.#state !== "joined", done }, Infinity);
  }

  /** Closes the channel here at once and tells the server. */
  leave(timeoutMs = this.#options.timeoutMs) {
    const joinRef = this.#joinRef;
    const told = this.#state !== "closed" && joinRef !== null;
    const { promise, resolve } = deferred();
    const done = () => { this.#socket._forget(this); resolve({}); };
    this.#close(LEFT, () => {
      if (!told) return done();
      this.#joinRef = joinRef; // the reply carries it
      this.#ask({ event: "phx_leave", body: "{}", done }, timeoutMs);
    });
    return promise;
  }

  on(event, fn) {
    if (!this.#events.has(event)) this.#events.set(event, new Listeners());
    return this.#events.get(event).add(fn);
  }

  onJoin(fn) { return this.#onJoin.add(fn); }

  onState(fn) { return this.#onState.add(fn); }

  /** Who is here. Ask before the join: the list comes right after it. */
  presence() { return (this.#presence ??= new Presence(this)); }

  #attempt() {
    clearTimeout(this.#timer);
    let body;
    try {
      body = JSON.stringify(valueOf(this.#params) ?? {});
    } catch (err) {
      report(err);
      const response = { reason: "params failed" };
      this.#refused("error", response, true);
      return this.#fail(response);
    }
    const meta = this.#options.resume && this.#epoch !== null ? { epoch: this.#epoch, offset: this.#offset } : {};
    const done = (...answer) => this.#answered(...answer);
    this.#joinRef = this.#socket._ref();
    this.#ask({ event: "phx_join", body, meta, done }, this.#options.timeoutMs, this.#joinRef);
    this.#enter("joining");
  }

  #answered(status, response, meta) {
    if (status === "closed") return; // the connection went; the next one tries again
    if (status === "timeout") this._tellLeave();
    if (status !== "ok") {
      this.#refused(status, response);
      return this.#fail(response);
    }
    const recovered = this.#resumed(meta);
    this.#joinedAt = Date.now();
    for (const [ref, asked] of this.#asked) if (asked.held) this.#send(ref, asked);
    this.#first.resolve(response);
    this.#first.promise.watched = false; // it tells nothing any more
    this.#enter("joined");
    if (this.#state === "joined") this.#onJoin.tell(response, { recovered });
  }

  /** Tells whoever joined, or else the console. */
  #refused(status, response, reported = false) {
    const { promise, reject } = this.#first;
    const err = new ChannelError(`join of ${this.topic}`, status, response);
    this.#warn(`bennu: join of ${this.topic} refused: ${err.reason}`, reported || promise.watched || this.#onState.any);
    reject(err);
    promise.watched = false;
  }

  /** Tells the console, once, what nobody knows yet. */
  #warn(text, known = false) {
    if (!known && !this.#warned.has(text)) console.warn(text);
    this.#warned.add(text);
  }

  /** Where the join stands in the topic's history. What is replayed counts only as it comes: it may break off. */
  #resumed(meta) {
    const { epoch = null, offset = -1, recovered = false } = meta;
    this.#socket._advise(meta);
    if (!recovered) this.#offset = offset;
    this.#epoch = epoch;
    return recovered;
  }

  /** The server has no channel of ours (any more): once again, later. */
  #fail(response) {
    if (Date.now() - this.#joinedAt >= SETTLED_MS) this.#failures = 0;
    const wait = this.#options.backoff(this.#failures++);
    this.#idle({ ...response, kind: "unavailable" }); // the kind is that of the join, or of the crash
    this.#timer = later(() => this.#attempt(), wait);
    this.#enter("errored", response);
  }

  #close(response, then = () => this.#socket._forget(this)) {
    const changed = this.#state !== "closed";
    this.#state = "closed";
    this.#idle(response);
    this.#first?.reject(new ChannelError(`join of ${this.topic}`, "closed", response));
    then();
    if (changed) this.#enter("closed");
  }

  /** Nothing sent so far will be answered. What is held waits on, and so does, as a rule, what must be acknowledged. */
  #idle(response = {}, again = true) {
    clearTimeout(this.#timer);
    this.#joinRef = null;
    this.#joinedAt = Infinity;
    for (const [ref, asked] of [...this.#asked]) {
      if (again && this.#state !== "closed" && asked.meta?.id) asked.held = true;
      if (this.#state === "closed" || !asked.held) this.#settle(ref, "closed", response);
    }
  }

  /** Why a push cannot be taken now. */
  #refusal() {
    if (this.#state === "closed") return { reason: "not joined" };
    if (this.#state === "joined") return null;
    const held = [...this.#asked.values()].filter((asked) => asked.held).length;
    return held < this.#options.queueMax ? null : { reason: "queue full", kind: "exhausted" };
  }

  #ask(asked, timeoutMs, ref = this.#socket._ref()) {
    asked.timer = later(() => this.#settle(ref, "timeout", {}), timeoutMs);
    this.#asked.set(ref, asked);
    if (!asked.held) this.#send(ref, asked);
  }

  #send(ref, asked) {
    asked.held = false;
    const frame = encode(this.#joinRef, ref, this.topic, asked.event, asked.body, asked.meta);
    const refusal = this.#socket._refusal(frame);
    if (refusal && ref === this.#joinRef) return this.#refuseJoin(ref, asked, refusal);
    if (refusal) return this.#settle(ref, "error", refusal);
    this.#socket._send(frame);
    if (asked.silent) this.#asked.delete(ref);
  }

  /** Refuses it as the server would: later, for nobody waits for it yet. */
  #refuseJoin(ref, asked, refusal) {
    clearTimeout(asked.timer);
    asked.timer = later(() => this.#settle(ref, "error", refusal), 0);
  }

  #settle(ref, status, response, meta) {
    const asked = this.#asked.get(ref);
    if (!asked) return; // too late
    clearTimeout(asked.timer);
    this.#asked.delete(ref);
    asked.done(status, response, meta);
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

  _lost(close) {
    const tooLong = close?.code === TOO_LONG; // which message it was is not known
    const reason = tooLong
      ? { reason: close.reason || "a message is too long", kind: "invalid" }
      : { reason: "connection lost" };
    this.#idle(reason, !tooLong);
    if (tooLong && this.#state === "joining") this.#refused("closed", reason);
    if (this.#state !== "closed" && this.#state !== "errored") this.#enter("errored", reason);
  }

  /** Tells the server alone. */
  _tellLeave() {
    if (this.#joinRef === null) return;
    this.#socket._send(encode(this.#joinRef, this.#socket._ref(), this.topic, "phx_leave", "{}"));
  }

  _replaced() { this.#close({ reason: "replaced", kind: "conflict" }); }

  _receive(joinRef, ref, event, payload, meta) {
    if (joinRef !== null && joinRef !== this.#joinRef) return; // meant for an earlier join
    if (event === "phx_reply") {
      this.#replied(ref, payload, meta);
    } else if (event === "phx_close") {
      this.#close({ reason: "closed by the server" });
    } else if (event === "phx_error") {
      if (this.#state === "closed") this.#close(LEFT);
      else this.#fail(payload);
    } else if (this.#state === "joined" && this.#isNew(meta.offset)) {
      this.#events.get(event)?.tell(payload);
    }
  }

  #replied(ref, { status, response }, meta) {
    const gone = status === "error" && response?.reason === "unmatched topic"; // for a push, the server lost the channel
    if (!gone || !this.#asked.get(ref)?.meta?.id) this.#settle(ref, status, response, meta);
    if (gone && this.#state === "joined") this.#fail(response);
  }

  #isNew(offset) {
    if (offset === undefined) return true;
    if (offset <= this.#offset) return false;
    this.#offset = offset;
    return true;
  }
}

/** Who is present on a channel's topic. Each key, as a rule a user, has one meta for each of its connections. */
export class Presence {
  #entries = new Map(); // key → { metas, and what the server has added }
  #early = []; // diffs that came before this join's state; null after it
  #onJoin = new Listeners();
  #onLeave = new Listeners();
  #onSync = new Listeners();

  constructor(channel) {
    channel.onJoin(() => { this.#early = []; });
    channel.on("presence_state", (state) => {
      this.#replace(new Map(Object.entries(state)));
      for (const diff of this.#early ?? []) this.#apply(diff);
      this.#early = null;
      this.#onSync.tell();
    });
    channel.on("presence_diff", (diff) => {
      if (this.#early) return void this.#early.push(diff);
      this.#apply(diff);
      this.#onSync.tell();
    });
  }

  list(choose = (key, entry) => entry) { return [...this.#entries].map(([key, entry]) => choose(key, entry)); }

  get(key) { return this.#entries.get(key); }

  onJoin(fn) { return this.#onJoin.add(fn); }

  onLeave(fn) { return this.#onLeave.add(fn); }

  onSync(fn) { return this.#onSync.add(fn); }

  #replace(state) {
    const joins = [];
    const leaves = [];
    for (const key of new Set([...this.#entries.keys(), ...state.keys()])) {
      const [now, next] = [this.#entries.get(key), state.get(key)];
      const [joined, left] = [without(next?.metas, now?.metas), without(now?.metas, next?.metas)];
      if (joined.length > 0) joins.push([key, { ...next, metas: joined }]);
      if (left.length > 0) leaves.push([key, { ...now, metas: left }]);
    }
    this.#change(joins, leaves);
  }

  #apply({ joins, leaves }) { this.#change(Object.entries(joins), Object.entries(leaves)); }

  #change(joins, leaves) {
    for (const [key, joined] of joins) {
      const before = this.#entries.get(key);
      this.#entries.set(key, { ...joined, metas: [...without(before?.metas, joined.metas), ...joined.metas] });
      this.#onJoin.tell(key, before, joined);
    }
    for (const [key, left] of leaves) {
      const before = this.#entries.get(key);
      if (!before) continue;
      const rest = { ...before, metas: without(before.metas, left.metas) };
      if (rest.metas.length > 0) this.#entries.set(key, rest);
      else this.#entries.delete(key);
      this.#onLeave.tell(key, rest, left);
    }
  }
}

/** The metas that are not among others; two with the same phx_ref are the same. */
function without(metas = [], others = []) {
  const refs = new Set(others.map((meta) => meta.phx_ref));
  return metas.filter((meta) => !refs.has(meta.phx_ref));
}

/** What a WebSocket is, by requests: one always waits for messages, another posts what is sent. */
class LongPoll {
  onopen = null;
  onmessage = null;
  onclose = null;
  #url;
  #timeoutMs;
  #session = null; // the server's name for it, which may change with each answer
  #lines = []; // to be sent
  #posting = false;
  #over = false;
  #polling; // aborts the poll

  constructor(url, token, timeoutMs) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#run(token ? { "X-Phoenix-AuthToken": token } : {});
  }

  send(frame) {
    this.#lines.push(typeof frame === "string" ? frame : base64(frame));
    if (!this.#posting) this.#post();
  }

  /** What was sent still goes out. */
  close() {
    this.#over = true;
    this.#polling.abort();
  }

  async #run(headers) {
    try {
      while (!this.#over) await this.#poll(this.#session ? {} : headers);
    } catch (err) {
      this.#end(1006, err.message);
    }
  }

  async #poll(headers) {
    const { status, token, reason, messages = [] } = await this.#request({ headers }, (abort) => { this.#polling = abort; });
    const begins = status === 410 && this.#session === null && token;
    if (!begins && status !== 200 && status !== 204) return this.#refused(status, reason);
    this.#session = token ?? this.#session;
    if (begins) this.onopen?.();
    for (const data of messages) {
      this.onmessage?.({ data });
      // As between a websocket's messages, who waits for this one goes first. That takes two turns.
      await null;
      await null;
    }
  }

  async #post() {
    this.#posting = true;
    await null; // what is sent at once goes together
    try {
      while (this.#lines.length > 0) {
        const headers = { "Content-Type": "application/x-ndjson" };
        const body = this.#batch();
        const keepalive = this.#over && body.length <= KEEPALIVE_CHARS;
        const { status, reason } = await this.#request({ method: "POST", headers, body, keepalive });
        if (status !== 200) return this.#refused(status, reason);
      }
      this.#posting = false;
    } catch (err) {
      this.#end(1006, err.message);
    }
  }

  #batch() {
    let [n, chars] = [1, this.#lines[0].length];
    while (n < Math.min(POST_LINES, this.#lines.length) && (chars += this.#lines[n].length) <= POST_CHARS) n++;
    return this.#lines.splice(0, n).join("\n");
  }

  async #request({ headers, ...init }, onStart = () => {}) {
    const abort = new AbortController();
    const timer = later(() => abort.abort(new Error("timeout")), POLL_MS + this.#timeoutMs);
    onStart(abort);
    try {
      const session = this.#session ? { "X-Phoenix-Longpoll-Token": this.#session } : {};
      headers = { Accept: "application/json", ...session, ...headers };
      const answer = await fetch(this.#url, { ...init, headers, cache: "no-store", signal: abort.signal });
      if (answer.status === 404) throw new Error("HTTP status 404: there is no socket here, or it serves no long-polling");
      if (answer.status === 413) return { status: 413 };
      if (!answer.ok) throw new Error(`HTTP status ${answer.status}`);
      return await answer.json();
    } finally {
      clearTimeout(timer);
    }
  }

  #refused(status, reason) {
    if (status === 410) this.#end(3410, reason ?? "session gone");
    else if (status === 403) this.#end(1008, reason ?? "forbidden");
    else if (status === 413) this.#end(TOO_LONG, "a message is longer than the server takes");
    else this.#end(1011, `status ${status}`);
  }

  #end(code, reason) {
    if (this.#over) return;
    this.close();
    this.onclose?.({ code, reason });
  }
}

// The wire's frames. A body is the payload as JSON text, or bytes.

function encode(joinRef, ref, topic, event, body, meta) {
  if (typeof body !== "string") return encodeBytes([joinRef, ref, topic, event], body);
  const head = JSON.stringify([joinRef, ref, topic, event]).slice(0, -1);
  return `${head},${body}${meta ? `,${JSON.stringify(meta)}` : ""}]`;
}

function encodeBytes(names, body) {
  const parts = names.map(utf8);
  const head = [0, ...parts.map((part) => part.length)];
  const frame = new Uint8Array([head, ...parts, body].reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of [head, ...parts, body]) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

function decode(data) {
  if (typeof data === "string") return JSON.parse(data);
  const view = new DataView(data);
  const kind = view.getUint8(0);
  const count = [3, 4, 2, 2][kind]; // push, reply, broadcast, broadcast that is kept
  if (!count) throw new Error(`bennu: a frame of unknown kind ${kind}`);
  const meta = kind === 3 ? { offset: Number(view.getBigUint64(3)) } : undefined;
  let at = 1 + count + (meta ? 8 : 0);
  const text = new TextDecoder();
  const names = Array.from({ length: count }, (_, i) => {
    const size = view.getUint8(1 + i);
    return text.decode(new Uint8Array(data, (at += size) - size, size));
  });
  const payload = data.slice(at);
  if (kind === 0) return [names[0], null, names[1], names[2], payload];
  if (kind === 1) return [names[0], names[1], names[2], "phx_reply", { status: names[3], response: payload }];
  return [null, null, names[0], names[1], payload, meta];
}

function bodyOf(payload, ...names) {
  if (!ArrayBuffer.isView(payload) && !(payload instanceof ArrayBuffer)) return JSON.stringify(payload) ?? "null";
  const long = names.find((name) => utf8(name).length > 255);
  if (long) throw new RangeError(`bennu: ${long}: with bytes, a topic or event may have 255 bytes`);
  const { buffer = payload, byteOffset, byteLength } = payload;
  return new Uint8Array(buffer, byteOffset, byteLength).slice();
}

const isLonger = (frame, bytes) =>
  frame.length > bytes || (typeof frame === "string" && frame.length * 3 > bytes && utf8(frame).length > bytes);

const utf8 = (text) => new TextEncoder().encode(text);
const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const base64url = (bytes) => base64(bytes).replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");

/** Unguessable. Not randomUUID, which pages over plain HTTP lack. */
const newID = () => base64url(crypto.getRandomValues(new Uint8Array(16)));

const troubleOf = (close) => (close ? close.reason || `closed with code ${close.code}` : "timeout");

/** How long the server said to wait before the next attempt, null if it did not. */
function advice(close) {
  const ms = /reconnect in (\d+) ms/.exec(close?.reason)?.[1];
  return ms === undefined ? null : Number(ms);
}

// That websockets do not get through is remembered as long as the browser's tab lives.

const memoryKey = (url) => `bennu:longpoll:${url.host}${url.pathname}`;
const remembered = (url) => ofTab((memory) => memory.getItem(memoryKey(url))) === "true";
const remember = (url, yes) =>
  ofTab((memory) => (yes ? memory.setItem(memoryKey(url), "true") : memory.removeItem(memoryKey(url))));

function ofTab(use) {
  try {
    return use(globalThis.sessionStorage);
  } catch {
    return null; // there is none, or the page may not use it
  }
}

const valueOf = (option) => (typeof option === "function" ? option() : option);

/** A promise that knows whether anybody waits for it. */
class Watched extends Promise {
  static get [Symbol.species]() { return Promise; }

  watched = false;

  then(...fns) {
    this.watched = true;
    return super.then(...fns);
  }
}

/** A promise and its two ends. A rejection that nobody looks at is not the page's error. */
function deferred(Kind = Promise) {
  const d = {};
  d.promise = new Kind((resolve, reject) => Object.assign(d, { resolve, reject }));
  Promise.prototype.then.call(d.promise, undefined, () => {});
  return d;
}
