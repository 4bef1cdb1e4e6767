/** `onboard` at a real terminal: from an empty home to a purchase, stopped at every question, and run again. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { freePort } from "../../scripts/workerd.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { useStack } from "../../test/stack/stack.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { PASSPHRASE, Sandbox, type Terminal } from "../testing/cli.ts";

const ENTER = "\r";
const CTRL_C = "\u0003";
const CHOOSE: [string, string] = ["Passphrase for the new owner key", `${PASSPHRASE}${ENTER}`];
const REPEAT: [string, string] = ["The same passphrase again", `${PASSPHRASE}${ENTER}`];
const APPROVE: [string, string] = ["Pay 0.00001 LGO", "y"];
const OPEN: [string, string] = ["Passphrase of", `${PASSPHRASE}${ENTER}`];

const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY } } });
const boxes: Sandbox[] = [];
afterEach(() => boxes.splice(0).forEach((box) => box.remove()));

function freshHome(): Sandbox {
  const box = new Sandbox();
  boxes.push(box);
  return box;
}

/** The ports of a local stack that runs already. */
function running(): string[] {
  const port = (url: string) => new URL(url).port;
  return ["--merchant-port", port(world.stack.merchant), "--facilitator-port", port(world.stack.facilitator)];
}

async function onboard(
  box: Sandbox,
  words: string[],
  answers: [string, string][],
  env: Record<string, string> = {},
): Promise<Terminal & { code: number }> {
  const terminal = box.terminal(["onboard", ...words], { env });
  for (const [question, keys] of answers) await terminal.answer(question, keys);
  return Object.assign(terminal, { code: await terminal.exit });
}

/** Every file of the home, and what is in it. */
function filesOf(box: Sandbox): Record<string, string> {
  const names = readdirSync(box.path("home"), { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(box.path(`home/${name}`)).isFile(),
  );
  return Object.fromEntries(names.toSorted().map((name) => [name, readFileSync(box.path(`home/${name}`), "utf8")]));
}

async function balance(box: Sandbox): Promise<string> {
  const { json } = await box.run("balance", { env: { LEZ_FACILITATOR_URL: world.stack.facilitator } });
  return (json.data["spendable"] as { display: string }).display;
}

test("makes what is missing, buys one thing, and a second run changes nothing [onboard-twice]", async () => {
  const box = freshHome();
  const first = await onboard(box, running(), [CHOOSE, REPEAT, APPROVE, OPEN]);
  expect(first.code, first.text).toBe(EXIT.ok);
  for (const said of [
    "Done: owner key, agent key, test money, purchase",
    "0.00099 LGO",
    "Agents that ask first",
    "mcpServers",
    "SKILL.md",
    "inbox --watch",
  ])
    expect(first.text).toContain(said);
  expect(first.text).not.toContain(PASSPHRASE);
  const before = filesOf(box);
  expect(Object.keys(before)).toEqual(expect.arrayContaining(["agent.json", "owner.json"]));
  const second = await onboard(box, running(), [["Buy it again?", ENTER]]);
  expect(second.code, second.text).toBe(EXIT.ok);
  expect(second.text).toContain("Everything was there; nothing was changed");
  expect([filesOf(box), await balance(box)]).toEqual([before, "0.00099 LGO"]);
});

test("goes on from every question at which it was stopped, and a slip of the fingers may be repeated [onboard-goes-on]", async () => {
  const box = freshHome();
  const stopped = async (...answers: [string, string][]) => {
    const run = await onboard(box, running(), answers);
    expect(run.code, run.text).toBe(EXIT.interrupted);
    expect(run.text).toContain("lez-agent-pay onboard"); // how it goes on
    expect(run.text).not.toContain("othing was written"); // the stack's folder was, or what came before
  };
  const short: [string, string] = [CHOOSE[0], `short${ENTER}`];
  await stopped([CHOOSE[0], CTRL_C]);
  await stopped(short, ["at least 8 characters", `er but longer${ENTER}`], [REPEAT[0], CTRL_C]);
  expect(readdirSync(box.path("home"))).not.toContain("owner.json");
  await stopped(CHOOSE, REPEAT, [APPROVE[0], CTRL_C]);
  const keys = () => [box.read("home/owner.json"), box.read("home/agent.json")];
  const made = keys();
  const refused = await onboard(box, running(), [[APPROVE[0], "n"]]);
  expect([refused.code, refused.text]).toEqual([EXIT.approvalPending, expect.stringContaining("was not approved")]);
  await stopped(APPROVE, [OPEN[0], CTRL_C]);
  expect(await balance(box)).toBe("0.001 LGO"); // one grant, whatever happened since
  const last = await onboard(box, running(), [APPROVE, [OPEN[0], `wrong${ENTER}`], ["could not be opened", ""], OPEN]);
  expect(last.code, last.text).toBe(EXIT.ok);
  expect([keys(), await balance(box)]).toEqual([made, "0.00099 LGO"]);
  const { json } = await box.run("request list");
  expect(json.data["requests"]).toMatchObject([{ state: "paid" }]); // the one request of all runs
});

test("takes a no for final", async () => {
  const box = freshHome();
  const asked = await onboard(box, running(), [CHOOSE, REPEAT, [APPROVE[0], "n"]]);
  const [code = ""] = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(asked.text) ?? [];
  expect((await box.run(["decline", code, "--code", "not_needed"])).exit).toBe(EXIT.ok);
  const again = await onboard(box, running(), []);
  expect([again.code, again.text]).toEqual([EXIT.ok, expect.stringContaining("That is final")]);
  expect(await balance(box)).toBe("0.001 LGO");
});

test("asks what to buy where it knows no shop, until it is an address that sells, or nothing [onboard-what-to-buy]", async () => {
  const box = freshHome();
  const ask = "What do you want to buy?";
  const run = await onboard(
    box,
    ["--facilitator-port", String(await freePort())],
    [
      CHOOSE,
      REPEAT,
      [ask, `a report${ENTER}`],
      ["must be a complete http(s) address", `${"\u007f".repeat(8)}${world.stack.merchant}/${ENTER}`],
      ["asks for no payment", ""],
      [ask, ENTER],
    ],
    { LEZ_FACILITATOR_URL: world.stack.facilitator },
  );
  expect(run.code, run.text).toBe(EXIT.ok);
  expect(run.text).toContain("Done: owner key, agent key, test money\n");
});

test("without a facilitator it runs the local stack while it runs, and keeps the ledger [onboard-own-stack]", async () => {
  const box = freshHome();
  const [merchantPort, facilitatorPort] = [await freePort(), await freePort()];
  const words = ["--merchant-port", String(merchantPort), "--facilitator-port", String(facilitatorPort)];
  const health = async () => (await (await fetch(`http://127.0.0.1:${facilitatorPort}/health`)).json()) as { ledger: string };
  const ledgerOf = async () => {
    const terminal = box.terminal(["onboard", ...words]);
    await terminal.until(box.path("home/stack"));
    await terminal.until(CHOOSE[0]);
    const { ledger } = await health();
    await terminal.answer("", CTRL_C);
    expect(await terminal.exit, terminal.text).toBe(EXIT.interrupted);
    await expect(health()).rejects.toThrow("fetch failed"); // it stopped with the command
    return ledger;
  };
  expect(await ledgerOf()).toBe(await ledgerOf());
});

test("without a terminal it says what to run instead", async () => {
  const { exit, json } = await freshHome().run("onboard");
  expect([exit, json.error.code]).toEqual([EXIT.usage, "interaction_required"]);
  for (const step of ["owner create --passphrase-file", "agent create", "faucet", "fetch"]) expect(json.error.hint).toContain(step);
});
