/** Two `refund` commands at once for one payment, on one machine and on two: never more goes back than was paid, and all books agree. */

import { beforeAll, expect, test } from "vitest";
import { createKeyFile } from "../../agent-cli/keys/key-file.ts";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { type Envelope, type Sandbox, sandbox } from "../../agent-cli/testing/cli.ts";
import { Racer, startTogether } from "../../agent-cli/testing/racers.ts";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { newPayer, signedPayment } from "../signed.ts";
import { useStack } from "./stack.ts";

const world = useStack();
/** Two machines of one owner. */
const [here, there] = [sandbox(), sandbox()];
let racers: readonly [Racer, Racer];
let seller: WalletSigner;
let buyer: WalletSigner;

const post = async (path: string, body: object) => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${world.stack.facilitator}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return (await answer.json()) as Record<string, unknown>;
};

beforeAll(async () => {
  const key = await createKeyFile("owner");
  seller = await keySigner(hexToBytes("secretKey" in key ? key.secretKey : ""));
  buyer = await newPayer();
  const { facilitator, ledger } = world.stack;
  for (const box of [here, there]) {
    box.write("owner.json", key);
    await box.run("doctor"); // makes the state directory
    box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json" });
  }
  racers = [new Racer(here), new Racer(here)];
  expect(await post("/faucet", { account: buyer.account, amount: "50000", id: randomDigest() })).toMatchObject({ success: true });
  expect(await Promise.all(racers.map((racer) => racer.line()))).toEqual(["ready", "ready"]);
});

/** A settled payment of 1000 to the seller. */
async function sale(): Promise<Digest> {
  const { payload, requirements } = await signedPayment(buyer, { to: seller.account, value: "1000" as Amount });
  const settled = await post("/settle", { x402Version: 2, paymentPayload: payload, paymentRequirements: requirements });
  expect(settled).toMatchObject({ success: true });
  return settled["transaction"] as Digest;
}

const words = (transaction: Digest, amount: string) =>
  ["refund", transaction, "--reason", "service_defective", "--amount", amount, "--confirm", transaction] as const;

/** What the ledger has given back of a payment, by the journal of each side. */
async function givenBack(of: Digest): Promise<[seller: string[], buyer: string[]]> {
  const values = async ({ account }: WalletSigner) => {
    const page = await fetch(`${world.stack.facilitator}/accounts/${account}/journal`);
    const { entries } = (await page.json()) as { entries: JournalEntry[] };
    return entries.filter(({ refundOf }) => refundOf === of).map(({ value }) => value);
  };
  return [await values(seller), await values(buyer)];
}

/** What a machine has written down of the refunds of a payment: the events of its log, and the state of each record. */
async function written(box: Sandbox, of: Digest): Promise<{ events: string[]; states: string[] }> {
  const { entries } = (await box.run("audit list --last 1000")).json.data as {
    entries: { event: string; facts: Record<string, string> }[];
  };
  const own = entries.filter(({ facts }) => facts["refundOf"] === of);
  const ids = new Set(own.flatMap(({ facts }) => facts["refund"] ?? []));
  return {
    events: own.map(({ event, facts }) => (facts["code"] ? `${event} ${facts["code"]}` : event)),
    states: [...ids].map((id) => box.read<{ state: string }>(`home/refunds/${id}.json`).state),
  };
}

const told = (exit: number, { ok, error }: Envelope) => (ok ? "refunded" : `${error.code} ${exit}`);

test.each([
  { amount: "1000", loser: `refund_exceeded ${EXIT.paymentRejected}` },
  { amount: "600", loser: `refund_exceeded ${EXIT.paymentRejected}` },
  // Both fit, but the owner has read a screen on which the other one was not yet.
  { amount: "500", loser: `busy ${EXIT.busy}` },
])(
  "two processes of one machine give back $amount of 1000: one does, the other is told $loser [refund-two-at-once]",
  async ({ amount, loser }) => {
    const sold = await sale();
    const started = startTogether(
      here,
      racers.map(({ pid }) => pid),
    );
    const runs = await Promise.all(racers.map((racer) => racer.run(words(sold, amount))));
    await started;
    expect(runs.map((run) => told(run.exit, run)).toSorted()).toEqual(["refunded", loser].toSorted());
    expect(await givenBack(sold)).toEqual([[amount], [amount]]);
    expect(await written(here, sold)).toEqual({ events: ["refund_signed", "refunded"], states: ["refunded"] });
    const verified = await here.run("audit verify");
    expect(verified.exit, verified.stdout).toBe(EXIT.ok);
  },
);

test("two machines of one owner give back 600 of 1000: the ledger makes one, and the other machine writes why not [refund-two-machines]", async () => {
  const sold = await sale();
  const boxes = [here, there] as const;
  const started = Promise.all(boxes.map((box) => startTogether(box, [process.pid])));
  const runs = await Promise.all(boxes.map((box) => box.run(words(sold, "600"))));
  await started;
  expect(runs.map(({ exit, json }) => told(exit, json)).toSorted()).toEqual([`refund_exceeded ${EXIT.paymentRejected}`, "refunded"]);
  expect(await givenBack(sold)).toEqual([["600"], ["600"]]);
  for (const [i, box] of boxes.entries()) {
    expect(await written(box, sold)).toEqual(
      runs[i]?.exit === EXIT.ok
        ? { events: ["refund_signed", "refunded"], states: ["refunded"] }
        : { events: ["refund_signed", "refund_refused refund_exceeded"], states: ["refused"] },
    );
  }
});
