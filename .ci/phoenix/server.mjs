// A fleet server to be tested: the real binary, on a free port.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => probe.once("listening", ready));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

/** Server is one fleet, which can be stopped and started again on the same port and file. */
export class Server {
  #folder = mkdtempSync(join(tmpdir(), "fleet-"));
  #child;

  async start() {
    this.port ??= await freePort();
    const args = ["-addr", `127.0.0.1:${this.port}`, "-udp", "", "-log", "warn"];
    this.#child = spawn(process.env.FLEET_BIN, args, { cwd: this.#folder, stdio: ["ignore", "inherit", "inherit"] });
    await until("all vehicles are on the road", async () => {
      try {
        const answer = await fetch(`http://127.0.0.1:${this.port}/api/units`);
        return (await answer.json()).units.length >= 996;
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

  get socketURL() {
    return `ws://127.0.0.1:${this.port}/socket`;
  }
}

/** until waits for what is asked to become true, and fails after 10 s. */
export async function until(what, ask, tries = 500) {
  for (let i = 0; i < tries; i++) {
    if (await ask()) return;
    await new Promise((later) => setTimeout(later, 20));
  }
  throw new Error(`${what}: not within ${tries * 20} ms`);
}
