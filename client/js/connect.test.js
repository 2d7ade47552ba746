import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { Socket } from "./bennu.js";
import { FakeServer, FakeWebSocket, browser, connected, errors, failsWith, page, tick, turn, wait } from "./fakes.js";

browser();

let server;
beforeEach((t) => {
  server = new FakeServer();
  mock.method(globalThis, "fetch", server.fetch);
});
afterEach(() => globalThis.fetch.mock.restore());

function socketOf(options) {
  const socket = new Socket("http://host/socket", { transport: FakeWebSocket, backoff: wait, ...options });
  socket.connect();
  return socket;
}

/** A room:1 joined by long-polling. */
async function polling(options) {
  const socket = socketOf({ transport: "longpoll", ...options });
  await server.begin();
  const channel = socket.channel("room:1");
  const first = channel.join();
  await turn();
  await server.accept();
  await server.deliver(["1", "1", "room:1", "phx_reply", { status: "ok", response: {} }]);
  await first;
  return { socket, channel };
}

describe("token", () => {
  const protocols = (token) => {
    socketOf({ token });
    return FakeWebSocket.last.protocols;
  };

  test("goes as a sub-protocol, in base64url without padding", () => {
    assert.deepEqual(protocols("SFMyNTY.g2g"), ["phoenix", "base64url.bearer.phx.U0ZNeU5UWS5nMmc"]);
    assert.deepEqual(protocols(() => "abc?ab~é"), ["phoenix", "base64url.bearer.phx.YWJjP2FifsOp"]);
    assert.deepEqual(protocols("ab?ab>"), ["phoenix", "base64url.bearer.phx.YWI_YWI-"]);
    assert.equal(FakeWebSocket.last.url.includes("ab"), false);
    for (const none of [undefined, null, "", () => undefined]) assert.equal(protocols(none), undefined);
  });

  test("may come later, and is asked for anew by each attempt", async () => {
    let n = 0;
    const socket = socketOf({ token: async () => `t${++n}` });
    assert.equal(socket.state, "connecting");
    assert.equal(FakeWebSocket.all.length, 0);
    await turn();
    assert.equal(FakeWebSocket.last.protocols[1], "base64url.bearer.phx.dDE");
    FakeWebSocket.last.open();
    FakeWebSocket.last.drop();
    tick(100);
    await turn();
    assert.equal(FakeWebSocket.last.protocols[1], "base64url.bearer.phx.dDI");
  });

  test("that comes too late opens nothing", async () => {
    const tokens = [];
    const socket = socketOf({ token: () => new Promise((resolve, reject) => tokens.push({ resolve, reject })) });
    socket.disconnect();
    tokens[0].resolve("a");
    await turn();
    assert.equal(FakeWebSocket.all.length, 0);
    socket.connect();
    tick(10_000); // it took too long
    assert.equal(socket.state, "waiting");
    tick(100);
    tokens[1].reject(new Error("late"));
    await turn();
    assert.deepEqual(errors(), ["late"]);
    assert.equal(socket.state, "connecting");
    tokens[2].resolve("c");
    await turn();
    assert.equal(FakeWebSocket.all.length, 1);
    assert.equal(FakeWebSocket.last.protocols[1], "base64url.bearer.phx.Yw");
  });

  test("or params or a transport that fail are reported and tried again", async () => {
    const mine = () => { throw new Error("mine"); };
    class Refused { constructor() { mine(); } }
    for (const options of [{ token: mine }, { token: async () => mine() }, { params: mine }, { transport: Refused }]) {
      const socket = socketOf({ fallbackMs: Infinity, ...options });
      await turn();
      assert.deepEqual(errors(), ["mine"]);
      assert.equal(socket.state, "waiting");
      socket.disconnect();
    }
  });

  test("goes in a header by long-polling, with the first request only", async () => {
    socketOf({ transport: "longpoll", token: "secret", params: { a: 1 } });
    assert.equal(server.poll.url, "http://host/socket/longpoll?a=1&vsn=2.0.0");
    assert.equal(server.poll.headers["X-Phoenix-AuthToken"], "secret");
    await server.begin();
    assert.equal(server.poll.headers["X-Phoenix-AuthToken"], undefined);
    assert.equal(server.poll.headers["X-Phoenix-Longpoll-Token"], "s1");
  });
});

describe("bytes", () => {
  const binary = () => {
    const { socket, ws } = connected();
    const channel = socket.channel("t");
    channel.join();
    ws.reply("phx_join", "ok", {}, { epoch: "k", offset: 0 });
    const heard = [];
    channel.on("e", (data) => heard.push([...new Uint8Array(data)]));
    return { ws, channel, heard, socket };
  };
  const text = (s) => [...Buffer.from(s)];

  test("pushes, of a buffer or a part of one", async () => {
    const { ws, channel } = binary();
    assert.equal(ws.binaryType, "arraybuffer");
    const all = new Uint8Array([0, 0xab, 0xcd, 0]);
    for (const data of [all.subarray(1, 3), new DataView(all.buffer, 1, 2), all.slice(1, 3).buffer]) {
      channel.push("e", data);
      assert.deepEqual([...ws.sent.at(-1)].filter((_, at) => at !== 6), [0, 1, 1, 1, 1, ...text("1"), ...text("te"), 0xab, 0xcd]);
    }
    const answer = channel.push("é", new ArrayBuffer(0));
    assert.deepEqual([...ws.sent.at(-1)], [0, 1, 1, 1, 2, ...text("15té")]);
    ws.receiveBytes(1, 1, 1, 1, 2, ...text("15tok"), 7, 8);
    assert.deepEqual([...new Uint8Array(await answer)], [7, 8]);
  });

  test("an error reply has them as response", async () => {
    const { ws, channel } = binary();
    const answer = channel.push("e", {});
    ws.receiveBytes(1, 1, 1, 1, 5, ...text("12terror"), 7);
    await assert.rejects(answer, failsWith("error", "error"));
    await answer.catch((err) => assert.equal(err.response.byteLength, 1));
  });

  test("pushes and broadcasts of the server, with an offset and without", () => {
    const { ws, heard } = binary();
    const offset = (n) => [0, 0, 0, 0, 0, 0, ...n];
    ws.receiveBytes(0, 1, 1, 1, ...text("1te"), 1);
    ws.receiveBytes(0, 1, 1, 1, ...text("9te"), 2); // of another join
    ws.receiveBytes(2, 1, 1, ...text("te"), 3);
    ws.receiveBytes(3, 1, 1, ...offset([1, 0]), ...text("te"), 4);
    ws.receiveBytes(3, 1, 1, ...offset([0, 255]), ...text("te"), 5); // seen
    ws.receiveBytes(3, 1, 1, ...offset([1, 1]), ...text("te"));
    assert.deepEqual(heard, [[1], [3], [4], []]);
  });

  test("what waits for the join is what it was", () => {
    const { ws, channel } = binary();
    ws.drop();
    const data = new Uint8Array([1]);
    channel.push("e", data);
    channel.push("e", data.buffer);
    data[0] = 2;
    tick(100);
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join");
    assert.deepEqual(FakeWebSocket.last.sent.slice(-2).map((frame) => frame.at(-1)), [1, 1]);
  });

  test("names have at most 255 bytes", async () => {
    const { ws, channel, socket } = binary();
    channel.push("é".repeat(127) + "x", new Uint8Array(1));
    assert.equal(ws.sent.at(-1)[4], 255);
    await assert.rejects(channel.push("é".repeat(128), new Uint8Array(1)), RangeError);
    channel.push("é".repeat(128), {}); // as text it may
    const long = socket.channel("t".repeat(256));
    long.join();
    await assert.rejects(long.push("e", new Uint8Array(1)), RangeError);
  });
});

describe("fallback", () => {
  const key = "bennu:longpoll:host/socket";

  test("a first websocket that does not open in time gives way to long-polling", async () => {
    const socket = socketOf();
    const states = [];
    socket.onState((state) => states.push(state));
    tick(2_499);
    assert.equal(server.polls.length, 0);
    tick(1);
    assert.equal(FakeWebSocket.last.closed, true);
    FakeWebSocket.last.onopen?.();
    await server.begin();
    assert.equal(socket.state, "open");
    assert.equal(socket.transport, "longpoll");
    assert.deepEqual(states, ["open"]);
    assert.equal(sessionStorage.getItem(key), "true");
    server.poll.fail("gone");
    await turn();
    tick(100);
    assert.equal(FakeWebSocket.all.length, 1, "it stays with it");
    assert.equal(server.polls.length, 3);
  });

  test("so does one that is refused", async () => {
    const socket = socketOf();
    FakeWebSocket.last.drop();
    await server.begin();
    assert.equal(socket.transport, "longpoll");
  });

  test("not one that the server told to wait", () => {
    const socket = socketOf();
    FakeWebSocket.last.drop({ reason: "reconnect in 700 ms" });
    assert.equal(socket.state, "waiting");
    assert.equal(server.polls.length, 0);
  });

  test("never after a websocket has opened", () => {
    const socket = socketOf();
    tick(2_499);
    FakeWebSocket.last.open();
    assert.equal(socket.transport, "websocket");
    FakeWebSocket.last.drop();
    tick(100);
    tick(9_999);
    assert.equal(socket.state, "connecting");
    FakeWebSocket.last.drop();
    assert.equal(server.polls.length, 0);
    assert.equal(sessionStorage.getItem(key), null);
  });

  test("where there is no long-polling either, the websocket gets more time with each round", async () => {
    const socket = socketOf();
    for (const ms of [2_500, 5_000, 10_000, 10_000]) {
      const polls = server.polls.length;
      tick(ms - 1);
      assert.equal(server.polls.length, polls);
      tick(1);
      assert.equal(server.polls.length, polls + 1);
      server.poll.answer({}, 404);
      await turn();
      assert.equal(socket.state, "waiting");
      tick(socket.retryAt - Date.now());
    }
    FakeWebSocket.last.open();
    assert.equal(socket.transport, "websocket");
  });

  test("where neither gets through, both are told of", async () => {
    const notFound = () => server.poll.answer({}, 404);
    for (const [webSocket, longPoll, reason] of [
      [() => FakeWebSocket.last.drop(), notFound,
        "no websocket: closed with code 1006; no long-polling: HTTP status 404: there is no socket here, or it serves no long-polling"],
      [() => FakeWebSocket.last.drop({ code: 1008, reason: "no token" }), () => server.poll.answer({ status: 403, reason: "no cookie" }),
        "no websocket: no token; no long-polling: no cookie"],
      [() => tick(2_500), () => tick(10_000), "no websocket: timeout; no long-polling: timeout"],
    ]) {
      const socket = socketOf();
      const reasons = [];
      socket.onState((state, retryAt, reason) => reason && reasons.push(reason));
      webSocket();
      longPoll();
      await turn();
      assert.deepEqual(reasons, [reason]);
      tick(100);
      FakeWebSocket.last.drop({ reason: "reconnect in 0 ms" });
      assert.equal(reasons[1], "reconnect in 0 ms", "the next dial is another");
      socket.disconnect();
      await turn();
    }
  });

  test("the next page of the tab remembers, until it fails", async () => {
    sessionStorage.setItem(key, "true");
    const socket = socketOf();
    assert.equal(FakeWebSocket.all.length, 0);
    server.poll.fail("gone");
    await turn();
    assert.equal(sessionStorage.getItem(key), null);
    tick(100);
    assert.equal(FakeWebSocket.all.length, 1);
    socketOf({ fallbackMs: Infinity });
    assert.equal(FakeWebSocket.all.length, 2);
  });

  test("a page that may not use sessionStorage works without", async () => {
    Object.defineProperty(globalThis, "sessionStorage", { get() { throw new Error("denied"); }, configurable: true });
    const socket = socketOf();
    FakeWebSocket.last.drop();
    await server.begin();
    assert.equal(socket.transport, "longpoll");
  });

  test("where there is no WebSocket long-polling is all there is", async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    delete globalThis.WebSocket;
    const socket = socketOf({ transport: undefined });
    if (before) Object.defineProperty(globalThis, "WebSocket", before);
    server.poll.fail("gone");
    await turn();
    tick(100);
    await server.begin();
    assert.equal(socket.transport, "longpoll");
    assert.equal(sessionStorage.getItem(key), null);
  });
});

describe("long-polling", () => {
  test("one poll waits, and messages come with it in order", async () => {
    const { channel } = await polling();
    const heard = [];
    channel.on("said", ({ n }) => heard.push(n));
    const said = (n) => [null, null, "room:1", "said", { n }];
    await server.deliver(said(1), said(2));
    server.poll.answer({ status: 204, token: "other", messages: [] });
    await turn();
    assert.equal(server.poll.headers["X-Phoenix-Longpoll-Token"], "other");
    await server.deliver(said(3));
    assert.deepEqual(heard, [1, 2, 3]);
    assert.equal(server.polls.filter((poll) => !poll.done).length, 1);
  });

  test("who waits for a join hears what comes right after it", async () => {
    const socket = socketOf({ transport: "longpoll" });
    await server.begin();
    const channel = socket.channel("room:1");
    const heard = [];
    const joined = (async () => {
      await channel.join();
      channel.on("said", ({ n }) => heard.push(n));
    })();
    await server.deliver(["1", "1", "room:1", "phx_reply", { status: "ok", response: {} }], [null, null, "room:1", "said", { n: 1 }]);
    await joined;
    assert.deepEqual(heard, [1]);
  });

  test("what is sent at once goes in one POST, what comes meanwhile in the next", async () => {
    const { channel } = await polling();
    channel.push("one", {});
    channel.push("two", new Uint8Array([0xff]));
    await turn();
    assert.equal(server.post.headers["Content-Type"], "application/x-ndjson");
    assert.equal(server.post.headers["X-Phoenix-Longpoll-Token"], "s1");
    assert.deepEqual(server.post.lines, ['["1","2","room:1","one",{}]', Buffer.from("\0\x01\x01\x06\x0313room:1two\xff", "latin1").toString("base64")]);
    channel.push("three");
    channel.push("four");
    await turn();
    assert.equal(server.posts.length, 2);
    await server.accept();
    assert.equal(server.posts.length, 3);
    assert.deepEqual(server.post.lines.map((line) => JSON.parse(line)[3]), ["three", "four"]);
    await server.accept();
    assert.equal(server.posts.length, 3);
  });

  test("a POST has at most 100 lines", async () => {
    const { channel } = await polling();
    for (const [pushes, posts] of [[99, [99]], [100, [100]], [101, [100, 1]]]) {
      const before = server.posts.length;
      for (let n = 0; n < pushes; n++) channel.push("say", { n });
      await turn();
      for (let n = 0; n < posts.length; n++) await server.accept();
      assert.deepEqual(server.posts.slice(before).map((post) => post.lines.length), posts);
    }
  });

  test("long messages share no POST", async () => {
    const { channel } = await polling();
    const line = (size) => "x".repeat(size - '["1","2","room:1","say",""]'.length);
    for (const [sizes, posts] of [[[32_768, 32_768], [2]], [[32_768, 32_769], [1, 1]], [[100_000, 100], [1, 1]]]) {
      const before = server.posts.length;
      for (const size of sizes) channel.push("say", line(size));
      await turn();
      for (let n = 0; n < posts.length; n++) await server.accept();
      assert.deepEqual(server.posts.slice(before).map((post) => post.lines.length), posts);
    }
  });

  test("there are no heartbeats", async () => {
    await polling({ heartbeatMs: 1_000 });
    tick(5_000);
    await turn();
    assert.equal(server.posts.length, 1);
  });

  test("a session that is gone, a refusal or a fault is a lost connection", async () => {
    const ends = [
      [() => server.poll.answer({ status: 410, token: "s2", messages: [] }), "session gone"],
      [() => server.poll.answer({ status: 410, reason: "the server restarts" }), "the server restarts"],
      [() => server.poll.answer({ status: 403 }), "forbidden"],
      [() => server.poll.answer({ status: 403, reason: "signed out" }), "signed out"],
      [() => server.poll.answer({ status: 500 }), "status 500"],
      [() => server.poll.answer({}, 502), "HTTP status 502"],
      [() => server.poll.fail("network"), "network"],
      [() => tick(20_000), "timeout"],
      [() => server.post.answer({ status: 410 }), "session gone"],
      [() => server.post.answer({ status: 403 }), "forbidden"],
      [() => server.post.answer({ status: 408 }), "status 408"],
      [() => server.post.answer({}, 400), "HTTP status 400"],
      [() => server.post.answer({}, 404), "HTTP status 404: there is no socket here, or it serves no long-polling"],
      [() => server.post.fail("network"), "network"],
    ];
    for (const [end, reason] of ends) {
      const { socket, channel } = await polling();
      const reasons = [];
      socket.onState((state, retryAt, reason) => reasons.push(reason));
      const answer = channel.push("say", {}, { timeoutMs: 60_000 });
      await turn();
      end();
      await turn();
      assert.deepEqual(reasons, [reason]);
      assert.equal(socket.state, "waiting");
      assert.equal(server.poll.done, true);
      await assert.rejects(answer, failsWith("closed", "connection lost"));
      const polls = server.polls.length;
      tick(100);
      assert.equal(server.polls.length, polls + 1);
      assert.equal(server.poll.headers["X-Phoenix-Longpoll-Token"], undefined);
      socket.disconnect();
      await turn();
    }
  });

  test("a message that is too long is rejected with all that is not answered, and not sent again", async () => {
    const { socket, channel } = await polling();
    const answers = [channel.push("say", "long", { acknowledged: true }), channel.push("say")];
    await turn();
    server.post.answer({}, 413);
    await turn();
    for (const answer of answers) await assert.rejects(answer, failsWith("closed", "a message is longer than the server takes"));
    assert.equal(socket.state, "waiting");
    const posts = server.posts.length;
    tick(100);
    await server.begin();
    const [joinRef] = JSON.parse(server.post.lines[0]);
    await server.accept();
    await server.deliver([joinRef, joinRef, "room:1", "phx_reply", { status: "ok", response: {} }]);
    assert.equal(server.posts.length, posts + 1);
  });

  test("a first poll that is refused or makes no sense does not open", async () => {
    for (const answer of [{ status: 403 }, { status: 410 }, { status: 410, token: null, messages: [] }, {}]) {
      const socket = socketOf({ transport: "longpoll" });
      server.poll.answer(answer);
      await turn();
      assert.equal(socket.state, "waiting");
      socket.disconnect();
    }
  });

  test("an end of the connection between two messages drops the rest", async () => {
    const { socket, channel } = await polling();
    const heard = [];
    channel.on("said", ({ n }) => {
      heard.push(n);
      socket.disconnect();
    });
    await server.deliver([null, null, "room:1", "said", { n: 1 }], [null, null, "room:1", "said", { n: 2 }]);
    assert.deepEqual(heard, [1]);
    assert.equal(server.polls.filter((poll) => !poll.done).length, 0);
  });

  test("what was sent before the disconnect goes out, and nothing after it", async () => {
    const { socket, channel } = await polling();
    channel.push("last");
    socket.disconnect();
    assert.equal(server.poll.signal.aborted, true);
    await turn();
    assert.deepEqual(server.post.lines.map((line) => JSON.parse(line)[3]), ["last", "phx_leave"]);
    await server.accept();
    tick(60_000);
    await turn();
    assert.equal(server.posts.filter((post) => !post.done).length, 0);
    assert.equal(server.polls.filter((poll) => !poll.done).length, 0);
    assert.equal(socket.state, "closed");
  });

  test("the topics are left when the page goes, by a request that outlives it", async () => {
    const { socket } = await polling();
    socket.channel("room:2").join();
    await turn();
    await server.accept();
    socket.channel("room:3"); // not joined
    assert.equal(server.post.keepalive, false);
    page().dispatchEvent(new Event("pagehide"));
    await turn();
    assert.deepEqual(server.post.lines.map((line) => JSON.parse(line)), [
      ["1", "3", "room:1", "phx_leave", {}], ["2", "4", "room:2", "phx_leave", {}],
    ]);
    assert.equal(server.post.keepalive, true);
    await server.accept();
  });

  test("a request that is too long for that is an ordinary one", async () => {
    const leave = '["1","3","room:1","phx_leave",{}]'.length + 1;
    const head = '["1","2","room:1","say",""]'.length;
    for (const [chars, keepalive] of [[21_845, true], [21_846, false]]) {
      const { socket, channel } = await polling();
      channel.push("say", "x".repeat(chars - head - leave));
      socket.disconnect();
      await turn();
      assert.equal(server.post.lines.join("\n").length, chars);
      assert.equal(server.post.keepalive, keepalive);
      await server.accept();
    }
  });

  test("a disconnect while the first poll waits", async () => {
    const socket = socketOf({ transport: "longpoll" });
    socket.disconnect();
    await server.begin();
    assert.equal(socket.state, "closed");
    assert.equal(server.polls.length, 1);
  });

  test("resumes, and sends acknowledged pushes again", async () => {
    const { channel } = await polling();
    await server.deliver(["1", "1", "room:1", "phx_close", {}]);
    channel.join();
    await turn();
    const [joinRef] = JSON.parse(server.post.lines[0]);
    await server.accept();
    await server.deliver([joinRef, joinRef, "room:1", "phx_reply", { status: "ok", response: {} }, { epoch: "k", offset: 5 }]);
    const answer = channel.push("post", {}, { acknowledged: true });
    await turn();
    const id = JSON.parse(server.post.lines[0])[5].id;
    server.poll.fail("network");
    await turn();
    tick(100);
    await server.begin();
    const again = JSON.parse(server.post.lines[0]);
    assert.deepEqual(again[5], { epoch: "k", offset: 5 });
    await server.accept();
    await server.deliver([again[0], again[1], "room:1", "phx_reply", { status: "ok", response: {} }, { epoch: "k", offset: 5, recovered: true }]);
    const repeat = JSON.parse(server.post.lines[0]);
    assert.equal(repeat[5].id, id);
    await server.deliver([repeat[0], repeat[1], "room:1", "phx_reply", { status: "ok", response: { n: 1 } }]);
    assert.deepEqual(await answer, { n: 1 });
  });
});
