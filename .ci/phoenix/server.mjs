// The servers to be tested: the real binaries, on free ports.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => probe.once("listening", ready));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

/** Server is a program that can be stopped and started again on the same port, in the same folder. */
class Server {
  #folder = mkdtempSync(join(tmpdir(), "clients-"));
  #binary;
  #args;
  #child;

  constructor(binary, ...args) {
    this.#binary = binary;
    this.#args = args;
  }

  async start() {
    this.port ??= await freePort();
    const args = ["-addr", `127.0.0.1:${this.port}`, ...this.#args];
    this.#child = spawn(this.#binary, args, { cwd: this.#folder, stdio: ["ignore", "inherit", "inherit"] });
    await until("the server is ready", async () => {
      try {
        return await this.ready();
      } catch {
        return false; // it is not up yet
      }
    });
  }

  async stop(signal = "SIGTERM") {
    const ended = new Promise((done) => this.#child.once("exit", done));
    this.#child.kill(signal);
    return ended;
  }

  async end() {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  get url() { return `http://127.0.0.1:${this.port}`; }

  get socketURL() { return `ws://127.0.0.1:${this.port}/socket`; }
}

/** Fleet is the example, with all its vehicles. */
export class Fleet extends Server {
  constructor() { super(process.env.FLEET_BIN, "-udp", "", "-devices", "", "-log", "warn"); }

  async ready() {
    const answer = await fetch(`${this.url}/api/units`);
    return (await answer.json()).units.length >= 996;
  }
}

/** Rooms is rooms.go. */
export class Rooms extends Server {
  constructor() { super(process.env.ROOMS_BIN); }

  async ready() { return (await fetch(`${this.url}/nothing`)).status === 404; }
}

/** A proxy to a server that lets everything through but websockets: they fail, or hang. */
export async function proxyWithoutWebsockets(server, { hang = false } = {}) {
  const held = new Set();
  const proxy = createServer((from, to) => {
    const { method, headers, url } = from;
    const onward = request(`${server.url}${url}`, { method, headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    onward.on("error", () => to.destroy());
    to.on("close", () => onward.destroy());
    from.pipe(onward);
  });
  proxy.on("upgrade", (_, socket) => (hang ? held.add(socket) : socket.destroy()));
  proxy.listen(0, "127.0.0.1");
  await new Promise((ready) => proxy.once("listening", ready));
  return {
    url: `ws://127.0.0.1:${proxy.address().port}/socket`,
    close() {
      for (const socket of held) socket.destroy();
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

/** until waits for what is asked to become true, and fails after 10 s. */
export async function until(what, ask, tries = 500) {
  for (let i = 0; i < tries; i++) {
    if (await ask()) return;
    await new Promise((later) => setTimeout(later, 20));
  }
  throw new Error(`${what}: not within ${tries * 20} ms`);
}
