/** `stack`: what it prints, what it keeps, how it ends, and what keeps it from starting. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { spawn as spawnPty } from "@lydell/node-pty";
import { describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { installArgv } from "../demo/miniflare.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { BIN, BUILT } from "../testing/built.ts";
import { sandbox, Terminal } from "../testing/cli.ts";

const box = sandbox();
const ANY_PORTS = ["--merchant-port", "0", "--facilitator-port", "0", "--desk-port", "0"];
const TRIED = `miniflare@${packageJson.devDependencies.miniflare}`;

interface Ready {
  priced: string;
  lez?: string;
}

/** Runs it until it ends, or says that it is ready: then `meanwhile` runs, and it gets the signal. */
async function stack(
  words: readonly string[],
  signal: "SIGINT" | "SIGTERM" = "SIGTERM",
  meanwhile: (ready: Ready, child: ChildProcess) => Promise<void> = async () => {},
) {
  const child = spawn(process.execPath, [BIN, "stack", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: box.directory,
    env: { ...box.env, TMPDIR: temporary },
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stdout.once(
    "data",
    (line: Buffer) => void meanwhile(JSON.parse(line.toString()) as Ready, child).finally(() => tell(child, signal)),
  );
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const [exit] = (await once(child, "close")) as [number];
  return { exit, ...said };
}

/** As a Ctrl-C under `npm run` does: the terminal's, and npm's. */
function tell(child: ChildProcess, signal: "SIGINT" | "SIGTERM"): void {
  child.kill(signal);
  setTimeout(() => child.kill(signal), 30);
}

/** The workerd that a stack has started. */
function workerdOf({ pid }: ChildProcess): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
  const workerd = children.find((child) => readFileSync(`/proc/${child}/comm`, "utf8") === "workerd\n");
  if (workerd === undefined) throw new Error("no workerd");
  return workerd;
}

const temporary = box.path("tmp");
mkdirSync(temporary);

/** Makes sure that a server listens on the port: ours, or one that was there before. */
async function occupied(port: number) {
  const server = createServer();
  await new Promise((resolve) => server.once("error", resolve).listen(port, "127.0.0.1", () => resolve(undefined)));
  const taken = (server.address() as AddressInfo | null)?.port ?? port;
  return { port: taken, [Symbol.asyncDispose]: async () => void (server.listening && server.close()) };
}

test("prints one line when a price was named, and forgets everything at a signal, even if that comes twice [stack-ready]", async () => {
  let status = 0;
  const { exit, stdout, stderr } = await stack(ANY_PORTS, "SIGINT", async ({ priced }) => {
    status = (await fetch(priced)).status;
  });
  expect(status).toBe(402);
  expect([exit, stdout]).toEqual([EXIT.ok, expect.stringMatching(/^\{.*\}\n$/)]);
  const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string;
  expect(JSON.parse(stdout)).toEqual({
    merchant: url,
    facilitator: url,
    desk: expect.stringMatching(/^http:\/\/localhost:\d+$/) as string,
    payTo: expect.any(String) as string,
    ledger: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    shards: 1,
    priced: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/premium$/) as string,
  });
  expect(stderr).toContain("forgotten at the end");
  expect(readdirSync(temporary)).toEqual([]);
});

test("--persist keeps the ledger, for one stack at a time, and names a workerd that was left [stack-one-writer]", async () => {
  const words = [...ANY_PORTS, "--persist", "kept", "--quiet"];
  let other: Awaited<ReturnType<typeof stack>> | undefined;
  const first = await stack([...words, "--shards", "2"], "SIGTERM", async () => void (other = await stack(words)));
  let left = 0;
  const second = await stack(words, "SIGTERM", async (_ready, child) => {
    left = workerdOf(child);
    child.kill("SIGKILL");
  });
  expect([first.exit, first.stderr, second.exit]).toEqual([EXIT.ok, "", null]);
  expect(other).toMatchObject({ exit: EXIT.busy, stdout: "", stderr: expect.stringContaining("runs on this ledger") as string });
  const [before, after] = [first, second].map(({ stdout }) => JSON.parse(stdout) as { ledger: string; persist: string });
  expect(after).toMatchObject({ ledger: before?.ledger, shards: 2, persist: box.path("kept") });

  // The second was killed, and its workerd was not.
  const third = await stack(words);
  expect([third.exit, third.stdout]).toEqual([EXIT.busy, ""]);
  expect(third.stderr).toContain(`kill ${left}`);
  expect(existsSync(`/proc/${left}`)).toBe(true);
  process.kill(left, "SIGKILL");
});

test("--persist refuses another number of shards in a sentence [stack-other-shards]", async () => {
  mkdirSync(box.path("four"));
  box.write("four/ledger.json", { format: "lez-agent-pay/kept-ledger/1", ledger: "00".repeat(32), shards: 4 });
  const { exit, stdout, stderr } = await stack([...ANY_PORTS, "--persist", "four", "--shards", "2"]);
  expect([exit, stdout]).toEqual([EXIT.usage, ""]);
  expect(stderr.replaceAll("\n", " ")).toContain("has 4 shards, not 2, and that never changes");
});

test("--lez runs a devnet beside it, which the ready line names, and the merchant sells on it [stack-lez]", async () => {
  const answers: string[] = [];
  let networks: string[] = [];
  const meanwhile = async ({ lez, priced }: Ready) => {
    const { accepts } = (await (await fetch(priced)).json()) as { accepts: { network: string }[] };
    networks = accepts.map(({ network }) => network);
    const body = '{"jsonrpc":"2.0","id":1,"method":"checkHealth"}';
    const answer = await fetch(lez ?? "", { method: "POST", body, headers: { "Content-Type": "application/json" } });
    answers.push(await answer.text());
  };
  const { exit, stdout } = await stack([...ANY_PORTS, "--lez", "--lez-port", "0", "--quiet"], "SIGTERM", meanwhile);
  expect([exit, answers]).toEqual([EXIT.ok, ['{"jsonrpc":"2.0","id":1,"result":null}']]);
  expect(networks).toEqual(["logos:lez-testnet", "lez:devnet"]);
  expect(JSON.parse(stdout)).toMatchObject({ lez: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string });
});

describe("does not start", () => {
  test("on the usual port if that is taken", async () => {
    await using other = await occupied(8787);
    const { exit, stdout, stderr } = await stack([]);
    expect([exit, stdout]).toEqual([EXIT.notSetUp, ""]);
    expect(stderr).toContain(`Port ${other.port} is in use`);
  });

  test("on a port that was asked for and is taken", async () => {
    await using other = await occupied(0);
    const { exit, stdout, stderr } = await stack(["--merchant-port", "0", "--facilitator-port", String(other.port), "--desk-port", "0"]);
    expect([exit, stdout]).toEqual([EXIT.notSetUp, ""]);
    expect(stderr).toContain(`Port ${other.port} is in use`);
    expect(stderr).toContain("--facilitator-port");
  });

  test("with a port or a number of shards that is none", async () => {
    for (const [words, sentence] of [
      [["--merchant-port", "65536"], "--merchant-port must be a port, 0 to 65535."],
      [["--facilitator-port", "http"], "--facilitator-port must be a port, 0 to 65535."],
      [["--shards", "257"], "--shards must be a whole number, 1 to 256."],
    ] as const) {
      expect((await box.run(["stack", ...words, "--json"])).json.error).toMatchObject({ code: "usage", message: sentence });
    }
  });
});

describe("without miniflare", () => {
  const alone = path.join(box.directory, "prefix/lib/node_modules/lez-agent-pay");
  cpSync(path.join(BUILT, "dist"), path.join(alone, "dist"), { recursive: true, dereference: true });
  cpSync(path.dirname(BIN), path.join(alone, "agent-cli"), { recursive: true });
  box.write("prefix/lib/node_modules/lez-agent-pay/package.json", { name: packageJson.name });

  test.each(["stack", "demo http"])("%s ends with 30 and the line that installs it [stack-needs-miniflare]", (words) => {
    const { status, stdout } = spawnSync(process.execPath, [path.join(alone, "agent-cli/bin.js"), ...words.split(" "), "--json"], {
      env: box.env,
      encoding: "utf8",
    });
    expect(status).toBe(EXIT.notSetUp);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "not_set_up", message: expect.stringContaining("is not installed") as string },
      next: { argv: ["npm", "install", "--global", "--prefix", box.path("prefix"), TRIED], by: "owner" },
    });
  });

  test("onboard, at its terminal, too, before it asks anything", async () => {
    const words = ["onboard", "--facilitator-port", "0", "--merchant-port", "0"];
    const pty = spawnPty(process.execPath, [path.join(alone, "agent-cli/bin.js"), ...words], {
      cols: 80,
      cwd: box.directory,
      env: box.env,
    });
    const terminal = new Terminal(pty);
    expect(await terminal.exit).toBe(EXIT.notSetUp);
    expect(terminal.text).toContain(`\n  npm install --global --prefix ${box.path("prefix")} ${TRIED}\n`);
    expect(existsSync(box.path("home/owner.json"))).toBe(false);
  });

  test("the line is for the project that installed the package, or for its global folder", () => {
    mkdirSync(box.path("project/node_modules/lez-agent-pay"), { recursive: true });
    box.write("project/package.json", {});
    const inProject = box.path("project/node_modules/lez-agent-pay");
    expect(installArgv(inProject, box.path("project"))).toEqual(["npm", "install", TRIED]);
    expect(installArgv(inProject, "/elsewhere")).toEqual(["npm", "install", "--prefix", box.path("project"), TRIED]);
    expect(installArgv("/usr/lib/node_modules/lez-agent-pay", "/")).toEqual(["npm", "install", "--global", "--prefix", "/usr", TRIED]);
  });
});

test("the peer that users install is the version that the tests run", () => {
  expect(packageJson.peerDependencies.miniflare).toBe(packageJson.devDependencies.miniflare);
  expect(packageJson.peerDependenciesMeta.miniflare).toEqual({ optional: true });
  expect(existsSync(path.join(BUILT, "dist/workers/stack.json"))).toBe(true);
});
