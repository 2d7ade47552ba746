import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeWebSocket, browser, connected, failsWith, joined, page, reconnect, tick } from "./fakes.js";

browser();

const history = (epoch, offset, more = {}) => ({ epoch, offset, ...more });

/** A joined room:1 with a history that stands at 57, and what it tells. */
function following(offset = 57) {
  const all = joined({}, history("k3J", offset));
  const told = [];
  all.channel.onJoin((response, { recovered }) => told.push({ recovered }));
  all.channel.on("posted", ({ n }) => told.push(n));
  return { ...all, told };
}
const post = (ws, n, ...offset) => ws.receive(null, null, "room:1", "posted", { n }, ...offset.map((offset) => ({ offset })));

describe("resume", () => {
  test("a rejoin tells how far the channel got, and what was missed comes first", () => {
    const { ws, told } = following();
    assert.deepEqual(ws.find("phx_join")[5], {});
    post(ws, 58, 58);
    const next = reconnect();
    assert.deepEqual(next.find("phx_join")[5], { epoch: "k3J", offset: 58 });
    next.reply("phx_join", "ok", {}, history("k3J", 60, { recovered: true }));
    for (const n of [59, 60, 61]) post(next, n, n);
    assert.deepEqual(told, [58, { recovered: true }, 59, 60, 61]);
    assert.deepEqual(reconnect().find("phx_join")[5], { epoch: "k3J", offset: 61 });
  });

  test("the join's own response counts if nothing can be recovered", () => {
    const { told } = following();
    const next = reconnect();
    next.reply("phx_join", "ok", {}, history("new", 3, { recovered: false }));
    post(next, "old", 3);
    post(next, 4, 4);
    assert.deepEqual(told, [{ recovered: false }, 4]);
    assert.deepEqual(reconnect().find("phx_join")[5], { epoch: "new", offset: 4 });
  });

  test("what was seen already is dropped; what is not kept is not", () => {
    const { ws, told } = following(0);
    for (const [n, ...offset] of [["a", 1], ["b", 2], ["b", 2], ["a", 1], ["free"], ["free"], ["c", 3]]) post(ws, n, ...offset);
    assert.deepEqual(told, ["a", "b", "free", "free", "c"]);
  });

  test("an offset of 0 counts", () => {
    const { ws } = following(0);
    assert.equal(ws.count("phx_join"), 1);
    assert.deepEqual(reconnect().find("phx_join")[5], { epoch: "k3J", offset: 0 });
  });

  test("a crash in the middle of what is replayed: the rest comes after the next join", () => {
    const { told } = following();
    const ws = reconnect();
    ws.reply("phx_join", "ok", {}, history("k3J", 60, { recovered: true }));
    post(ws, 58, 58);
    ws.receive(ws.find("phx_join")[0], null, "room:1", "phx_error", { reason: "channel_crash" });
    post(ws, 59, 59); // late: the channel is not joined
    tick(100);
    assert.deepEqual(ws.find("phx_join")[5], { epoch: "k3J", offset: 58 });
    ws.reply("phx_join", "ok", {}, history("k3J", 60, { recovered: true }));
    for (const n of [59, 60]) post(ws, n, n);
    assert.deepEqual(told, [{ recovered: true }, 58, { recovered: true }, 59, 60]);
  });

  test("a lost connection in the middle of what is replayed, and a listener that leaves", () => {
    const { channel, told } = following();
    let ws = reconnect();
    ws.reply("phx_join", "ok", {}, history("k3J", 60, { recovered: true }));
    post(ws, 58, 58);
    ws = reconnect();
    assert.deepEqual(ws.find("phx_join")[5], { epoch: "k3J", offset: 58 });
    channel.on("posted", () => channel.leave());
    ws.reply("phx_join", "ok", {}, history("k3J", 60, { recovered: true }));
    for (const n of [59, 60]) post(ws, n, n);
    assert.deepEqual(told, [{ recovered: true }, 58, { recovered: true }, 59]);
  });

  test("a join that is refused or not answered keeps the place", () => {
    following();
    const ws = reconnect();
    ws.reply("phx_join", "error", { reason: "busy" });
    tick(100);
    assert.deepEqual(ws.find("phx_join")[5], { epoch: "k3J", offset: 57 });
    tick(10_000); // no answer
    tick(200);
    assert.equal(ws.count("phx_join"), 3);
    assert.deepEqual(ws.find("phx_join")[5], { epoch: "k3J", offset: 57 });
  });

  test("a topic that keeps no history (any more) is not asked for any", () => {
    following();
    const ws = reconnect();
    ws.reply("phx_join");
    post(ws, 1);
    assert.deepEqual(reconnect().find("phx_join")[5], {});
  });

  test("a new join after leave() begins anew, as does another channel object", () => {
    const { ws, channel, socket } = following();
    channel.leave();
    channel.join();
    assert.deepEqual(ws.find("phx_join")[5], {});
    ws.reply("phx_join", "ok", {}, history("k3J", 57));
    socket.channel("room:1").join();
    assert.deepEqual(ws.find("phx_join")[5], {});
  });

  test("survives disconnect() and connect()", () => {
    const { socket } = following();
    socket.disconnect();
    socket.connect();
    FakeWebSocket.last.open();
    assert.deepEqual(FakeWebSocket.last.find("phx_join")[5], { epoch: "k3J", offset: 57 });
  });

  test("may be turned off", () => {
    const { socket, ws } = connected();
    const channel = socket.channel("room:1", {}, { resume: false });
    channel.join();
    ws.reply("phx_join", "ok", {}, history("k3J", 57));
    assert.deepEqual(reconnect().find("phx_join")[5], {});
  });
});

describe("an acknowledged push", () => {
  const acknowledged = { acknowledged: true };

  test("has an id of its own, which nobody can guess", async () => {
    const { ws, channel } = joined();
    const ids = [1, 2].map((n) => {
      channel.push("post", { n }, acknowledged);
      return ws.find("post")[5].id;
    });
    for (const id of ids) assert.match(id, /^[\w-]{22}$/);
    assert.notEqual(ids[0], ids[1]);
    channel.push("plain");
    assert.equal(ws.find("plain").length, 5);
  });

  test("is sent again after a lost connection and a crash, until it is answered", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("post", { n: 1 }, acknowledged);
    const { id } = ws.find("post")[5];
    const next = reconnect();
    assert.equal(next.count("post"), 0);
    next.reply("phx_join");
    assert.equal(next.find("post")[0], next.find("phx_join")[0]);
    assert.deepEqual(next.find("post").slice(2), ["room:1", "post", { n: 1 }, { id }]);
    next.receive(next.find("phx_join")[0], null, "room:1", "phx_error", {});
    tick(100);
    next.reply("phx_join");
    assert.equal(next.count("post"), 2);
    assert.equal(next.find("post")[5].id, id);
    next.reply("post", "ok", { id: 7 });
    assert.deepEqual(await answer, { id: 7 });
    const last = reconnect();
    last.reply("phx_join");
    assert.equal(last.count("post"), 0);
  });

  test("an error is an answer; an answer to an earlier join is none", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("post", {}, acknowledged);
    const [joinRef, ref] = ws.find("post");
    ws.receive(joinRef, null, "room:1", "phx_error", {});
    tick(100);
    ws.receive(joinRef, ref, "room:1", "phx_reply", { status: "ok", response: { late: true } });
    ws.reply("phx_join");
    ws.reply("post", "error", { reason: "no" });
    await assert.rejects(answer, failsWith("error", "no"));
  });

  test("a repeated answer changes nothing", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("post", {}, acknowledged);
    ws.reply("post", "ok", { n: 1 });
    ws.reply("post", "ok", { n: 2 });
    assert.deepEqual(await answer, { n: 1 });
  });

  test("that the server lost the channel is no answer", async () => {
    const { ws, channel } = joined();
    const answers = [channel.push("post", {}, acknowledged), channel.push("plain")];
    const lost = { status: "error", response: { reason: "unmatched topic" } };
    for (const event of ["post", "plain"]) ws.receive(null, ws.find(event)[1], "room:1", "phx_reply", lost);
    await assert.rejects(answers[1], failsWith("closed", "unmatched topic"));
    tick(100);
    ws.reply("phx_join");
    assert.equal(ws.count("post"), 2);
    ws.reply("post", "ok", { n: 1 });
    assert.deepEqual(await answers[0], { n: 1 });
  });

  test("that the server lost the channel is no answer after the crash either", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("post", {}, acknowledged);
    ws.receive("1", "1", "room:1", "phx_error", {});
    ws.receive(null, ws.find("post")[1], "room:1", "phx_reply", { status: "error", response: { reason: "unmatched topic" } });
    tick(100);
    ws.reply("phx_join");
    ws.reply("post", "ok", { n: 1 });
    assert.deepEqual(await answer, { n: 1 });
  });

  test("keeps its place before what was pushed later", () => {
    const { ws, channel } = joined();
    channel.push("one", {}, acknowledged);
    channel.push("lost");
    ws.drop();
    channel.push("two");
    channel.push("three", {}, acknowledged);
    tick(100);
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join");
    assert.deepEqual(FakeWebSocket.last.sent.map((m) => m[3]), ["phx_join", "one", "two", "three"]);
  });

  test("counts for the queue's limit while it waits", async () => {
    const { ws, channel } = joined({ queueMax: 2 });
    const first = [1, 2, 3].map((n) => channel.push("post", { n }, acknowledged));
    ws.drop();
    await assert.rejects(channel.push("more"), failsWith("closed", "queue full"));
    tick(100);
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join");
    assert.equal(FakeWebSocket.last.count("post"), 3);
    FakeWebSocket.last.reply("post");
    await first[2];
  });

  test("waits without end, or as long as it is told", async () => {
    const { channel, socket } = joined({ heartbeatMs: Infinity });
    let settled = false;
    channel.push("post", {}, acknowledged).finally(() => { settled = true; });
    const limited = channel.push("post", {}, { ...acknowledged, timeoutMs: 250_000 });
    socket.disconnect();
    tick(249_999);
    const before = FakeWebSocket.all.length;
    tick(1);
    await assert.rejects(limited, failsWith("timeout"));
    socket.connect();
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join");
    assert.equal(before, 1);
    assert.equal(FakeWebSocket.last.count("post"), 1);
    tick(2 ** 31 - 1);
    assert.equal(settled, false);
  });

  test("is given up when the channel is left, closed or taken over", async () => {
    for (const [end, reason] of [
      [({ channel }) => channel.leave(), "left"],
      [({ ws }) => ws.receive("1", "1", "room:1", "phx_close", {}), "closed by the server"],
      [({ socket }) => socket.channel("room:1").join(), "replaced"],
      [({ ws, channel }) => { ws.drop(); channel.leave(); }, "left"],
    ]) {
      const all = joined();
      const answer = all.channel.push("post", {}, acknowledged);
      end(all);
      await assert.rejects(answer, failsWith("closed", reason));
    }
  });

  test("carries no bytes, and needs a join first", async () => {
    const { socket, channel } = joined();
    await assert.rejects(channel.push("post", new Uint8Array(1), acknowledged), TypeError);
    await assert.rejects(socket.channel("room:2").push("post", {}, acknowledged), failsWith("closed", "not joined"));
  });
});

describe("the server's advice", () => {
  const waits = (socket) => {
    const all = [];
    socket.onState((state, retryAt) => state === "waiting" && all.push(retryAt - Date.now()));
    return all;
  };

  test("in the reason of the close: exactly that long, whoever looks", () => {
    const { socket, ws } = connected();
    const seen = waits(socket);
    ws.drop({ code: 1012, reason: "shutting down, reconnect in 4321 ms" });
    for (const type of ["online", "visibilitychange"]) page().dispatchEvent(new Event(type));
    tick(4_320);
    assert.equal(socket.state, "waiting");
    tick(1);
    assert.equal(socket.state, "connecting");
    FakeWebSocket.last.drop({ code: 1013, reason: "reconnect in 0 ms" });
    tick(0);
    FakeWebSocket.last.drop({ code: 1013, reason: "reconnect in ms" });
    tick(100);
    FakeWebSocket.last.drop({ code: 1013 });
    assert.deepEqual(seen, [4_321, 0, 100, 200]);
  });

  test("of the join's reply: a random time up to it, when an open connection was lost", (t) => {
    t.mock.method(Math, "random", () => 0.5);
    const { socket, ws } = joined({}, { reconnect_ms: 5_000 });
    const seen = waits(socket);
    ws.drop();
    tick(2_500);
    FakeWebSocket.last.drop(); // it did not open: the usual wait
    tick(200);
    FakeWebSocket.last.open();
    FakeWebSocket.last.drop(); // it did not hold: the longer of both
    tick(2_500);
    for (let n = 2; n < 30; n++) {
      FakeWebSocket.last.drop();
      tick(seen.at(-1));
    }
    FakeWebSocket.last.open();
    FakeWebSocket.last.drop();
    assert.deepEqual(seen.slice(0, 4), [2_500, 200, 2_500, 400]);
    assert.equal(seen.at(-1), 3_200);
  });

  test("the latest counts, and one reconnect_ms of 0 is at once", () => {
    const { socket, ws } = joined({}, { reconnect_ms: 5_000 });
    const seen = waits(socket);
    socket.channel("room:2").join();
    ws.reply("phx_join", "ok", {}, { reconnect_ms: 0 });
    ws.drop();
    assert.deepEqual(seen, [0]);
  });
});

