/** A session in its owner's books, and one call of it: what status, receipts, the audit and the accounts' CSV say. */

import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { NETWORK } from "../../shared/lez.ts";
import { type Claim, claimDigest, claimTransaction, signClaim } from "../../shared/protocol/claim.ts";
import { voucherDigest } from "../../shared/protocol/voucher.ts";
import { receiver, stranger } from "../../test/fixtures.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON } from "../testing/cli.ts";
import { sessionWorld } from "../testing/session-world.ts";

const { box, shop, facilitator, fetched, open, kept, vouchers } = await sessionWorld();
const run = (...words: string[]) => box.run(["session", ...words]);

/** What the ledger says of the open session. */
function atLedger(standing: object): void {
  const { channelConfig } = kept().signed;
  const [id = ""] = shop.sessions.keys();
  facilitator.sessions = { [id]: { status: "open", channelConfig, claimed: "0", deposit: channelConfig.deposit, ...standing } };
}

beforeEach(() => {
  facilitator.sessions = {};
  facilitator.journals = {};
  facilitator.entry = {};
});

describe("a session in the books of its owner", () => {
  test("is one row of the accounts, whatever its calls, and one line at its end [session-one-row]", async () => {
    const { session } = await open();
    for (const path of ["?2", "?3", "?4"]) await fetched(path);
    const exported = await box.run("audit export --out ./payments.csv --format payments --force");
    expect(exported.json.data).toMatchObject({ entries: 1, sessions: 1, total: { amount: "40" } });
    const [, row, total] = readFileSync(box.path("payments.csv"), "utf8").split("\n");
    expect(row).toMatch(
      new RegExp(`"${REASON}","40","0.00000004","","[0-9A-Z-]{9}","[0-9A-Z-]{9}","0","${session.session}","4","logos:lez-testnet",""$`),
    );
    expect(total).toMatch(/^"total","","","","40"/);
    atLedger({ status: "closed", claimed: "30", closesAt: 1_900_000_000 });
    await run("list");
    const closed = (await box.run("audit list --event session_closed --last 1", { terminal: true })).stdout;
    expect(closed).toContain(`${session.shortCode} 0.00000004 LGO charged, 0.00000003 LGO claimed of 0.000001 LGO`);
    const [entry] = (await box.run("audit list --event session_closed --last 1")).json.data["entries"] as { facts: object }[];
    expect(entry).toMatchObject({ facts: { calls: "4", charged: "40", claimed: "30" } });
  });

  test("is compared with its claims at the ledger: never more than was signed, and what the log says of its end [session-claims-audited]", async () => {
    const { session } = await open();
    const { from, to } = kept().signed.channelConfig;
    const digest = (digit: string) => digit.repeat(64);
    const claimed = (value: string) => {
      const debit = {
        account: from,
        seq: "1",
        kind: "debit",
        counterparty: to,
        value,
        balanceAfter: "1000",
        transaction: digest("7"),
        at: "1760000000",
      };
      const entry = { ...debit, cause: "claim", session: session.session, prevHash: digest("0"), hash: digest("8") };
      facilitator.journals = { [from]: [entry] };
    };
    const verify = () => box.run("audit verify");
    claimed("10");
    const good = await verify();
    expect(good.exit, good.stdout).toBe(EXIT.ok);
    expect(good.json.data["notes"]).toContain(`1 claim of 0.00000001 LGO in 1 session of ${from}`);
    claimed("11");
    const beyond = await verify();
    expect([beyond.exit, beyond.json.error.message]).toEqual([
      EXIT.differs,
      expect.stringContaining(`session ${session.shortCode}: the ledger has claims of 11 units, and this machine signed vouchers for 10`),
    ]);
    atLedger({ status: "closed", claimed: "9", closesAt: 1_900_000_000 });
    await run("list");
    claimed("10");
    expect((await verify()).json.error.message).toContain("has claims of 10 units, and entry");
  });
});

describe("one call of a session", () => {
  test("is named by its code, its commitment, or the request that opened the session [session-call-named]", async () => {
    await open();
    const second = await fetched("?second");
    const { session } = second.json.data as { session: { session: string; commitment: string } };
    const shown = (await run("show", session.session)).json.data["recent"] as { shortCode: string; commitment: string }[];
    const code = shown.find(({ commitment }) => commitment === session.commitment)?.shortCode ?? "";
    const about = { conclusion: "served", source: "facilitator", charged: { amount: "10" }, session: { commitment: session.commitment } };
    for (const word of [session.commitment, code, code.toLowerCase()])
      expect((await box.run(["status", word])).json.data).toMatchObject(about);
    const { requests } = (await box.run("request list --state paid")).json.data as { requests: { shortCode: string }[] };
    expect((await box.run(["status", requests[0]?.shortCode ?? ""])).json.data).toMatchObject({ session: { lane: "0", serial: "1" } });
    expect((await box.run(["status", code], { terminal: true })).stdout).toContain("has not claimed it yet: nothing has moved");
    expect((await box.run(["receipt", "show", code], { terminal: true })).stdout).toContain("nothing has moved yet");
    expect((await box.run(["status", `${session.session}:0:99`])).json.ok).toBe(false);
  });

  test("whose session closed without a claim of it is never paid; one that was refused paid nothing [session-call-lapsed]", async () => {
    await open();
    atLedger({ status: "closed", claimed: "0", closesAt: 1_900_000_000 });
    const [first] = vouchers();
    const word = `${first?.session}:${first?.lane}:${first?.serial}`;
    expect((await box.run(["status", word])).json.data).toMatchObject({ conclusion: "not_paid", said: "closed" });
    expect((await box.run(["receipt", "export", word, "--out", "./lapsed.json"])).json.error.code).toBe("evidence_incomplete");
  });

  test("is not paid because a facilitator shows a claim that its payee did not sign [session-call-lies]", async () => {
    await open();
    const [first] = vouchers();
    const { channelConfig: terms } = kept().signed;
    if (!first) throw new Error("no voucher");
    const claim: Claim = {
      version: "1",
      ledger: terms.ledger,
      session: first.session,
      lanes: [{ lane: first.lane, amount: first.maxClaimableAmount, voucher: voucherDigest(first) }],
      final: "no",
    };
    const showing = async (changes: object, signer = receiver) => {
      const signed = { ...claim, ...changes };
      facilitator.entry = {
        claimed: "10",
        claim: claimDigest(signed),
        transaction: claimTransaction(NETWORK, signed),
        value: "10",
        at: 1_760_000_000,
        signed: { claim: signed, signature: await signClaim(signed, signer) },
      };
      return (await box.run(["status", `${first.session}:${first.lane}:${first.serial}`])).json.data;
    };
    expect(await showing({})).toMatchObject({ conclusion: "paid", transaction: claimTransaction(NETWORK, claim) });
    const other = { lanes: [{ ...claim.lanes[0], amount: "9" }] };
    for (const told of [await showing({}, stranger), await showing({ session: "1d".repeat(32) }), await showing(other)])
      expect(told).toMatchObject({ conclusion: "served", doubt: expect.stringContaining("the claim that it shows") });
  });
});
