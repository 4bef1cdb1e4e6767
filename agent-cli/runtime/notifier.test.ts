/** The owner's notifier: told of each request, with nothing of the agent's words, and never in the agent's way. */

import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { contextFor } from "./context.ts";
import { processIo } from "./io.ts";
import { notifyOwner } from "./notifier.ts";

const box = sandbox();
const merchant = await startMerchant();
const home = box.path("account/.config/lez-agent-pay");
/** A state directory elsewhere, as an owner may have one, leaves the configuration where it is. */
const env = { LEZ_AGENT_PAY_HOME: "", XDG_STATE_HOME: box.path("state"), LD_PRELOAD_OF_AGENT: "1" };

beforeAll(async () => {
  await people(box);
  mkdirSync(home, { recursive: true, mode: 0o700 });
});
beforeEach(() => rmSync(box.path("told.json"), { force: true }));

/** Writes what it was told; its first argument is the owner's own. */
function notifier(code: string): string[] {
  box.write("notifier.mjs", `import { writeFileSync } from "node:fs";\n${code}`);
  return [process.execPath, box.path("notifier.mjs"), "owner's word"];
}
const configure = (onRequest: unknown) => box.write("account/.config/lez-agent-pay/config.json", { onRequest });
const ask = (query: string, options = { env }) =>
  box.run(["request", "create", `${merchant.url}?${query}`, "--reason", REASON, "--agent-file", box.path("agent.json")], options);

const TELL = `writeFileSync(${JSON.stringify(box.path("told.json"))}, JSON.stringify({ words: process.argv.slice(2), env: process.env }));`;

test("it is told the code and the amount, and nothing else [notifier-told]", async () => {
  configure(notifier(TELL));
  const { shortCode } = (await ask("told")).json.data as { shortCode: string };
  const told = box.read<{ words: string[]; env: Record<string, string> }>("told.json");
  expect(told.words).toEqual(["owner's word", shortCode, "0.00001 LGO"]);
  expect(told.env).toMatchObject({ LEZ_AGENT_PAY_REQUEST: shortCode, LEZ_AGENT_PAY_AMOUNT: "0.00001 LGO", HOME: box.path("account") });
  expect(JSON.stringify(told)).not.toMatch(/comparison|127\.0\.0\.1|LD_PRELOAD_OF_AGENT|XDG_STATE_HOME/);
});

test.each([
  ["fails", "process.exit(3);", "ended with 3"],
  ["is killed", 'process.kill(process.pid, "SIGKILL");', "ended with SIGKILL"],
])("it may be that it %s: the agent goes on, with a warning [notifier-fails]", async (how, code, problem) => {
  configure(notifier(code));
  const run = await ask(how.replace(" ", "-"));
  expect([run.exit, run.stderr.replaceAll(/\s+/g, " ")]).toEqual([EXIT.ok, expect.stringContaining("The owner was not notified")]);
  expect(run.stderr.replaceAll(/\s+/g, " ")).toContain(problem);
});

test("it may be missing", async () => {
  configure([box.path("no-such-program")]);
  const run = await ask("missing");
  expect([run.exit, run.stderr.replaceAll(/\s+/g, " ")]).toEqual([EXIT.ok, expect.stringContaining("could not be started (ENOENT)")]);
});

test("it is killed when it does not end in time", async () => {
  configure(notifier("setInterval(() => undefined, 1000);"));
  const said: string[] = [];
  const io = { ...processIo(), env, accountHome: box.path("account") };
  const context = { ...contextFor(io, [], true), say: (...lines: string[]) => void said.push(...lines) };
  await notifyOwner(context, "7F3K-9QPD", "1 LGO", 0.2);
  expect(said.join(" ").replaceAll(/\s+/g, " ")).toContain("did not end within 0.2 s");
});

test("a configuration that a variable moved names no program: an agent sets variables [notifier-not-moved]", async () => {
  configure(undefined);
  const moved = box.path("moved");
  mkdirSync(moved, { mode: 0o700 });
  box.write("moved/config.json", { onRequest: notifier(TELL) });
  for (const [variable, folder] of [
    ["LEZ_AGENT_PAY_HOME", moved],
    ["XDG_CONFIG_HOME", box.path("xdg")],
  ] as const) {
    if (variable === "XDG_CONFIG_HOME") {
      mkdirSync(box.path("xdg/lez-agent-pay"), { recursive: true, mode: 0o700 });
      box.write("xdg/lez-agent-pay/config.json", { onRequest: notifier(TELL) });
    }
    expect((await ask(variable, { env: { ...env, [variable]: folder } })).exit).toBe(EXIT.ok);
    expect(existsSync(box.path("told.json"))).toBe(false);
  }
});

test.each([
  ["a string", "notify-send new"],
  ["no program", []],
  ["a relative path, which the current folder would decide", ["notify-send"]],
])("%s is no notifier", async (_, onRequest) => {
  configure(onRequest);
  const run = await ask("shape");
  expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "invalid_file"]);
});

test("a configuration that others can write names no program", async () => {
  configure(notifier(TELL));
  chmodSync(`${home}/config.json`, 0o666);
  expect((await ask("open")).exit).toBe(EXIT.unsafePermissions);
  expect(existsSync(box.path("told.json"))).toBe(false);
  chmodSync(`${home}/config.json`, 0o600);
});
