/** Sessions against the real stack: the command line opens one within a mandate, pays by vouchers, and gets the rest back. */

import { beforeAll, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { useStack } from "./stack.ts";

const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY } } });
const box = sandbox();

beforeAll(async () => {
  await people(box);
  await box.run("doctor"); // makes the state directory
  const { facilitator, ledger } = world.stack;
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", agentFile: "../agent.json" });
  expect((await box.run("faucet")).exit).toBe(EXIT.ok);
  // The first purchase is the owner's: it pins the merchant.
  const asked = await quoted("first", "--reason", REASON);
  expect(asked.exit, asked.stdout).toBe(EXIT.approvalPending);
  const code = asked.json.error.details?.["shortCode"] as string;
  expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
  expect((await box.run(["fetch", "--resume", code])).exit).toBe(EXIT.ok);
});

const quoted = (of: string, ...words: string[]) => box.run(["fetch", `${world.stack.merchant}/quote?of=${of}`, ...words]);
const balance = async () => (await box.run("balance")).json.data as { balance: { amount: string }; held: { amount: string } };

test("a session within a mandate: one signature of the owner, calls without a person, the rest back at once [session-cli]", async () => {
  const origin = new URL(world.stack.merchant).origin;
  const limits = "--per-payment 10000 --total 100000 --session 5000";
  const draft = await box.run(`mandate grant --origin ${origin} ${limits} --dry-run --out ./draft.json --force`);
  expect(draft.exit, draft.stdout + draft.stderr).toBe(EXIT.ok);
  const granted = await box.run(["mandate", "grant", "--draft", "./draft.json", "--confirm", String(draft.json.data["mandate"])]);
  expect(granted.exit, granted.stdout).toBe(EXIT.ok);
  const before = await balance();

  const first = await quoted("A", "--session", "5000", "--reason", REASON, "--no-ask");
  expect(first.exit, first.stdout).toBe(EXIT.ok);
  expect(first.json.data["session"], first.stdout + first.stderr).toBeDefined();
  const { session } = first.json.data as { session: { session: string; left: { amount: string } } };
  const price = 5000n - BigInt(session.left.amount);
  expect(price > 0n).toBe(true);
  expect((await balance()).held.amount).toBe("5000");

  for (let call = 2n; call <= 6n; call++) {
    const next = await quoted(`call-${call}`);
    expect(next.exit, next.stdout).toBe(EXIT.ok);
    expect(next.json.data).toMatchObject({ session: { session: session.session, left: { amount: String(5000n - call * price) } } });
  }
  expect((await balance()).balance.amount).toBe(before.balance.amount);

  const story = await box.run(["fetch", `${world.stack.merchant}/story?words=5`]);
  expect(story.exit, story.stdout).toBe(EXIT.ok);
  const told = story.json.data as { receipt: { paid: { amount: string } }; response: { body: { text: string } } };
  expect([told.receipt.paid.amount, told.response.body.text]).toEqual([
    "50",
    ["An", "agent", "went", "to", "market"].map((word) => `data: ${word}\n\n`).join(""),
  ]);

  const closed = await box.run(["session", "close", session.session]);
  expect(closed.exit, closed.stdout).toBe(EXIT.ok);
  const after = await balance();
  expect(after.held.amount).toBe("0");
  expect(BigInt(before.balance.amount) - BigInt(after.balance.amount)).toBe(6n * price + 50n);
  const shown = await box.run(["session", "show", session.session]);
  expect(shown.exit, shown.stdout).toBe(EXIT.ok);
  const verified = await box.run("audit verify");
  expect(verified.exit, verified.stdout).toBe(EXIT.ok);
  const spent = await box.run("spending");
  expect(spent.exit, spent.stdout).toBe(EXIT.ok);
});
