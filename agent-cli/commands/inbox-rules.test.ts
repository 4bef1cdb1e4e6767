/** An agent that floods the inbox: muted, blocked, and allowed again. */

import { readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import type { PurchaseList } from "../purchase/purchase-list.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const { agent } = await people(box);
await box.run("agent create --out ./flood.json --name Flood");
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { ownerFile: "../owner.json", agentFile: "../agent.json" });

let purchases = 0;
async function ask(file = "agent.json"): Promise<{ code: string; digest: string }> {
  const words = ["request", "create", `${merchant.url}?${purchases++}`, "--reason", REASON, "--inbox", "--agent-file", `./${file}`];
  const { json } = await box.run(words);
  return { code: json.data["shortCode"] as string, digest: json.data["requestDigest"] as string };
}
const listed = async (...words: string[]) => (await box.run(["inbox", ...words])).json.data as PurchaseList;
const codesOf = ({ requests }: PurchaseList) => requests.map(({ shortCode }) => shortCode);

const good = await ask();
const [flood] = [await ask("flood.json"), await ask("flood.json"), await ask("flood.json")];

test("a muted agent's requests are counted, not listed, and can be approved by name [inbox-mute]", async () => {
  const muted = await box.run(["inbox", "mute", flood.code]);
  expect(muted.json.data).toMatchObject({ rule: "muted", waiting: 3 });
  expect(await listed()).toMatchObject({ hidden: { muted: 3, blocked: 0 } });
  expect(codesOf(await listed())).toEqual([good.code]);
  const shown = (await box.run("inbox", { terminal: true })).stdout;
  expect(shown).toContain("Not listed: 3 of muted agents. lez-agent-pay inbox --all shows them.");
  expect(codesOf(await listed("--limit", "1"))).toEqual([good.code]);
  expect((await approveAsRead(box, flood.code, "--dry-run")).exit).toBe(EXIT.ok);
});

test("a blocked agent's requests are not approved, with or without the right digest; --all shows them [inbox-block]", async () => {
  const { json } = await box.run(["request", "show", flood.code]);
  const key = json.data["agentKey"] as string;
  const blocked = await box.run(["inbox", "block", key]);
  expect(blocked.json.data).toMatchObject({ agentKey: key, rule: "blocked", before: "muted" });
  const refused = await approveAsRead(box, flood.code);
  expect([refused.exit, refused.json.error.code]).toEqual([EXIT.approvalPending, "agent_blocked"]);
  expect((await box.run(["request", "show", flood.code])).json.data["state"]).toBe("pending");
  const all = await listed("--all");
  expect(codesOf(all)).toHaveLength(4);
  expect(all.requests.filter(({ agentRule }) => agentRule === "blocked")).toHaveLength(3);
  expect((await approveAsRead(box, good.code, "--dry-run")).exit).toBe(EXIT.ok);
});

test("an agent that is blocked while the owner reads is blocked", async () => {
  await box.run(["inbox", "allow", agent.publicKey]);
  const { code } = await ask();
  const block = async () => {
    expect((await box.run(["inbox", "block", agent.publicKey])).exit).toBe(EXIT.ok);
    return "y";
  };
  const run = await box.run(["approve", code], { answers: [["Pay 0.00001 LGO to", block]] });
  expect([run.exit, run.json.error.code]).toEqual([EXIT.approvalPending, "agent_blocked"]);
});

test("allowed again, everything is listed; a dry run changes nothing; the file names its format", async () => {
  expect((await box.run(["inbox", "allow", flood.code, "--dry-run"])).json.data).toMatchObject({ dryRun: true, before: "blocked" });
  expect((await box.run(["inbox", "allow", flood.code])).json.data).toMatchObject({ before: "blocked", waiting: 3 });
  await box.run(["inbox", "allow", agent.publicKey]);
  expect(codesOf(await listed())).toContain(flood.code);
  expect((await listed()).hidden).toBeUndefined();
  const file = box.path("home/agent-rules.json");
  expect([JSON.parse(readFileSync(file, "utf8")), statSync(file).mode & 0o777]).toEqual([
    { format: "lez-agent-pay/agent-rules/1", agents: [] },
    0o600,
  ]);
});

test("rules that cannot be read stop the list and the approval: a blocked agent would not be blocked", async () => {
  const written = readFileSync(box.path("home/agent-rules.json"), "utf8");
  box.write("home/agent-rules.json", written.replace("/1", "/2"));
  expect((await box.run("inbox")).json.error).toMatchObject({
    code: "invalid_file",
    message: expect.stringContaining("agent-rules.json") as string,
  });
  expect((await approveAsRead(box, good.code)).json.error.code).toBe("invalid_file");
  box.write("home/agent-rules.json", written);
});
