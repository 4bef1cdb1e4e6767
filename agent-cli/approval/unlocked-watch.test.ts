/** An owner who opens the key once and decides what comes: on a real terminal, by a real process. */

import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox, type Terminal } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const CTRL_C = "\u0003";

const box = sandbox();
const merchant = await startMerchant();
await people(box);
box.write("secret.txt", PASSPHRASE);
await box.run("owner create --out ./sealed.json --passphrase-file ./secret.txt");
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { ownerFile: "../sealed.json", agentFile: "../agent.json" });

let purchases = 0;
async function ask(...words: string[]): Promise<string> {
  const made = await box.run(["request", "create", `${merchant.url}?${purchases++}`, "--reason", REASON, "--inbox", ...words]);
  return made.json.data["shortCode"] as string;
}
const stateOf = async (code: string) => (await box.run(["request", "show", code])).json.data["state"] as string;

async function unlocked(period = "10m"): Promise<Terminal> {
  const terminal = box.terminal(["inbox", "--watch", "--unlock", period]);
  await terminal.answer("Passphrase of", `${PASSPHRASE}\r`);
  await terminal.until("The key is open for 10 min");
  return terminal;
}

/** The state letter of proc(5): `T` is stopped. */
const isStopped = (pid: number) => /\) T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

describe("inbox --watch --unlock", () => {
  test("decides each request as it comes with one passphrase; a clock that jumps wipes the key [unlock-watch]", async () => {
    const first = await ask();
    const terminal = await unlocked();
    await terminal.until(`PAYMENT REQUEST  ${first}`);
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    await terminal.until("Approved: 0.00001 LGO");
    const second = await ask();
    await terminal.until(`PAYMENT REQUEST  ${second}`);
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "n");
    await terminal.until("was not approved");
    const third = await ask();
    await terminal.until(`PAYMENT REQUEST  ${third}`);
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    await terminal.until("Approved: 0.00001 LGO");
    await terminal.later();
    await terminal.until("The key is locked again.");
    const fourth = await ask("--expires-in", "7200"); // the CLI is an hour ahead
    await terminal.until(`${fourth}  pending`);
    await sleep(200);
    expect(terminal.text).not.toContain(`PAYMENT REQUEST  ${fourth}`);
    terminal.type(CTRL_C);
    expect(await terminal.exit).toBe(EXIT.interrupted);
    const all = [first, second, third, fourth];
    expect(await Promise.all(all.map(stateOf))).toEqual(["approved", "pending", "approved", "pending"]);
    for (const code of all) await box.run(["request", "cancel", code]);
  });

  test.runIf(existsSync("/proc/self/stat"))("wipes the key before the process is suspended [unlock-suspend]", async () => {
    const waiting = await ask();
    const terminal = await unlocked();
    await terminal.until(`PAYMENT REQUEST  ${waiting}`);
    terminal.signal("SIGTSTP");
    while (!isStopped(terminal.pid)) await sleep(20);
    terminal.signal("SIGCONT");
    // The question is still there, and a yes needs the passphrase again.
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    await terminal.answer("Passphrase of", CTRL_C);
    expect(await terminal.exit).toBe(EXIT.interrupted);
    expect(await stateOf(waiting)).toBe("pending");
  });

  test.each([
    ["inbox --unlock 10m", EXIT.usage, "needs --watch"],
    ["inbox --watch --unlock 2h", EXIT.usage, "at most 3600 seconds"],
    ["inbox --watch --unlock soon", EXIT.usage, "must be a period"],
    ["inbox --watch --unlock 10m", EXIT.usage, "no terminal to ask on"],
  ])("%s without a terminal is refused (%i)", async (words, exit, said) => {
    const run = await box.run(words);
    expect([run.exit, run.json.error.message]).toEqual([exit, expect.stringContaining(said)]);
  });
});
