/**
 * Types of bennu.js. A socket may be given the schema of its topics, which the server can generate:
 *
 *     interface Topics {
 *       [topic: `room:${string}`]: {
 *         params: { name: string };                                 // of the join
 *         reply: Snapshot;                                          // to the join
 *         in: {                                                     // what the client pushes and casts
 *           post: { payload: NewMsg; reply: Ack };
 *           typing: { payload: {}; reply: void };                   // no reply: to be cast
 *         };
 *         out: { posted: Msg; typing: Who };                        // what the server sends
 *         presence: { typing: boolean };                            // one meta
 *       };
 *     }
 *     const socket = new Socket<Topics>("/socket");
 *
 * Each field may be left out. Without a schema everything is any.
 */

/** A payload that travels as bytes. What comes as bytes is an ArrayBuffer. */
export type Binary = ArrayBuffer | ArrayBufferView;

/** Takes a listener away again. */
export type Off = () => void;

type Name<T> = keyof T & string;
type IsAny<T> = 0 extends 1 & T ? true : false;
type Field<S, F extends string, Otherwise> = IsAny<S> extends true ? any : S extends { [_ in F]: infer V } ? V : Otherwise;
type Params<S> = Field<S, "params", {}>;
type Reply<S> = Field<S, "reply", unknown>;
type In<S> = Field<S, "in", {}>;
type Out<S> = Field<S, "out", {}>;
/** The events that the server does not answer. */
type Silent<I> = { [E in Name<I>]: Field<I[E], "reply", unknown> extends void ? E : never }[Name<I>];
type Meta<S> = Field<S, "presence", { [field: string]: unknown }>;
/** Arguments that begin with one that may be left out if it may be empty. */
type Args<P, Rest extends unknown[]> = {} extends P ? [payload?: P, ...rest: Rest]
  : undefined extends P ? [payload?: P, ...rest: Rest]
  : [payload: P, ...rest: Rest];

export interface SocketOptions {
  /** Sent with each connect, as the URL's query. */
  params?: Query | (() => Query);
  /** Proves who connects; sent with each connect where logs do not see it. ASCII, for long-polling has it in a header. */
  token?: string | null | (() => string | null | undefined | PromiseLike<string | null | undefined>);
  /** Between heartbeats. One that is not answered within timeoutMs means that the connection is lost. Default 30,000. */
  heartbeatMs?: number;
  /** For a connect, join or push. Default 10,000. */
  timeoutMs?: number;
  /** Pushes that may wait for a join, per channel. Default 100. */
  queueMax?: number;
  /** Failures in a row → ms to wait. Default full jitter from 250 ms to 10 s. Advice of the server goes first. */
  backoff?: (failures: number) => number;
  /** Default the platform's WebSocket, or "longpoll" if it has none (Node before 22). */
  transport?: WebSocketClass | "longpoll";
  /**
   * How long a websocket may take to open before long-polling is tried, as long as none has opened yet; doubled
   * with each failure, up to timeoutMs. Default 2,500. Infinity: never. Where long-polling got through is
   * remembered in sessionStorage.
   */
  fallbackMs?: number;
}

export type Query = { [name: string]: string | number | boolean };
export type WebSocketClass = new (url: string, protocols?: string[]) => { send(data: any): void; close(): void };
export type SocketState = "connecting" | "open" | "waiting" | "closed";
export type ChannelState = "joining" | "joined" | "errored" | "closed";

export interface PushOptions {
  /**
   * Send it again after each rejoin until it is answered, as long as the page lives; JSON only. A bennu server runs
   * repeats within 5 minutes once: a timeoutMs below that makes it at most once. A Phoenix server runs them all.
   * Of no use for events that have no reply: cast these.
   */
  acknowledged?: boolean;
  /** Counts from the call, also while the push waits for the join. Default the socket's, none if acknowledged. */
  timeoutMs?: number;
}

export interface ChannelOptions {
  /** Ask with each rejoin for what was missed. Default true. */
  resume?: boolean;
}

export interface JoinInfo {
  /** What was missed follows at once, and nothing else; if not, the reply must tell all. */
  recovered: boolean;
}

/** One connection to the server, which comes back by itself. */
export class Socket<Topics = any> {
  /** @param url the socket's mount, absolute or relative to the page: "/socket" */
  constructor(url: string, options?: SocketOptions);

  readonly state: SocketState;
  /** When the next attempt starts (ms, as Date.now()), null unless the state is "waiting". */
  readonly retryAt: number | null;
  /** What carries the messages, null unless the state is "open". */
  readonly transport: "websocket" | "longpoll" | null;

  /** Connects and stays connected until disconnect(). */
  connect(): void;
  /** Ends the connection, and tells the server. Channels rejoin if connect() is called again. */
  disconnect(): void;

  /** A channel, not yet joined. Joining takes the topic over from an earlier channel. Params go with each join. */
  channel<N extends Name<Topics>>(
    topic: N,
    ...args: Args<Params<Topics[N]> | (() => Params<Topics[N]>), [options?: ChannelOptions]>
  ): Channel<Topics[N]>;

  /** Told of every change. Waiting comes with the reason of the loss, if there is one. */
  onState(fn: (state: SocketState, retryAt: number | null, reason?: string) => void): Off;
}

/** One topic on a socket. */
export class Channel<S = any> {
  private constructor();

  readonly topic: string;
  readonly state: ChannelState;

  /**
   * Joins, and rejoins until leave(). The promise is the first answer: a refusal rejects it, yet the channel goes
   * on trying. It waits as long as there is no connection. The console is told of a refusal, once for each reason,
   * if nobody waits for the promise and nobody listens by onState.
   */
  join(): Promise<Reply<S>>;

  /**
   * Resolves with the server's response, rejects with a ChannelError. One that is longer than the server takes is
   * rejected as "invalid" and not sent; so are joins, once one of the connection is answered. Where a server does not
   * say how much it takes, it closes the connection for it: that rejects all that were sent on it and are not
   * answered, acknowledged ones and first joins too.
   */
  push<E extends Name<In<S>>>(
    event: E,
    ...args: Args<Field<In<S>[E], "payload", {}>, [options?: PushOptions]>
  ): Promise<Field<In<S>[E], "reply", unknown>>;

  /**
   * A push of an event that the server does not answer. While the channel is not joined it waits for the next join,
   * however long. The console is told of one that is dropped: the queue is full, the channel is closed, or it is too
   * long. It throws if the payload cannot be encoded.
   */
  cast<E extends Silent<In<S>>>(event: E, ...args: Args<Field<In<S>[E], "payload", {}>, []>): void;

  /** Closes the channel here at once and tells the server. Resolves when that has answered, or cannot any more. */
  leave(timeoutMs?: number): Promise<{}>;

  /** Told of what the server sends. Listen before the join. */
  on<E extends Name<Out<S>>>(event: E, fn: (payload: Out<S>[E]) => void): Off;
  /** Told of the reply to every join, rejoins too, before anything that the server sends after it. */
  onJoin(fn: (reply: Reply<S>, info: JoinInfo) => void): Off;
  /** Told of every change. Errored comes with what the server said, or { reason }. */
  onState(fn: (state: ChannelState, reason?: any) => void): Off;

  /** Who is here. Ask before the join: the list comes right after it. */
  presence(): Presence<Meta<S>>;
}

/** Who is present on a topic. Each key, as a rule a user, has one meta for each of its connections. */
export class Presence<M = any> {
  constructor(channel: Channel<any>);

  list(): PresenceEntry<M>[];
  /** What is chosen of each. */
  list<T>(choose: (key: string, entry: PresenceEntry<M>) => T): T[];
  get(key: string): PresenceEntry<M> | undefined;

  /** before is undefined if the key is new; joined has the new metas only. */
  onJoin(fn: (key: string, before: PresenceEntry<M> | undefined, joined: PresenceEntry<M>) => void): Off;
  /** rest is without metas if the key is gone; left has the metas that went. */
  onLeave(fn: (key: string, rest: PresenceEntry<M>, left: PresenceEntry<M>) => void): Off;
  /** Told after every change, when the list is whole. */
  onSync(fn: () => void): Off;
}

export interface PresenceEntry<M = any> {
  metas: PresenceMeta<M>[];
  /** What the server has added beside the metas. */
  [field: string]: any;
}

export type PresenceMeta<M = any> = M & { phx_ref: string; phx_ref_prev?: string };

/** The kinds of errors, as the server's package fault names them. */
export type ErrorKind =
  | "internal error" | "invalid" | "unauthenticated" | "forbidden" | "not found"
  | "conflict" | "exhausted" | "timeout" | "unavailable" | "canceled";

/** Why a join or push failed. */
export class ChannelError extends Error {
  constructor(what: string, status: string, response?: any);

  /** "error" (the server refused, or would), "timeout", "closed" (not sent, or lost on the way), or the server's own word. */
  readonly status: string;
  /** The server's reason, or the status. */
  readonly reason: string;
  /**
   * Whose trouble it is. "exhausted", "unavailable" and "timeout" are worth another try, later; of a push with status
   * "timeout" or "closed" nobody knows whether it has happened. "invalid" and the like will never be right as they are.
   * A server of Phoenix tells none: then it is "invalid", if the reason is no kind's name.
   */
  readonly kind: ErrorKind;
  /** What is wrong with the input, by field. */
  readonly errors: { [field: string]: string[] };
  /** The server's answer, if there was one. */
  readonly response: any;
}
