/** Calls in a session, from the command line to a merchant that sells by session, and that sometimes lies. */

import { generateKeyPairSync, sign } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON } from "../testing/cli.ts";
import { sessionWorld } from "../testing/session-world.ts";

const { box, shop, agent, grant, fetched, open, kept, vouchers } = await sessionWorld();

describe("a session within a mandate", () => {
  test("is opened by the first call, and pays the next ones in one exchange each [session-one-exchange]", async () => {
    const first = await open();
    expect(first).toMatchObject({ receipt: { transaction: "", paid: { amount: "10" } }, session: { left: { amount: "990" } } });
    expect(shop.presented.map(({ type }) => type)).toEqual(["deposit"]);
    const second = await fetched("?of=B");
    expect(second.exit, second.stdout).toBe(EXIT.ok);
    expect(second.json.data).toMatchObject({ response: { body: { text: "call 2" } }, session: { left: { amount: "980" } } });
    expect(shop.presented.map(({ type }) => type)).toEqual(["deposit", "voucher"]);
    expect(kept()).toMatchObject({ state: "open", calls: [] });
    // One event per session, and none per call.
    const log = readFileSync(box.path("home/audit.jsonl"), "utf8");
    expect(log.match(/"event":"session_[a-z]+"/g)).toEqual(['"event":"session_signed"', '"event":"session_opened"']);
  });

  test("charges what the merchant charged, and signs no more than it must", async () => {
    await open();
    shop.charge = "3";
    await fetched("?1");
    await fetched("?2");
    expect(vouchers().map(({ maxClaimableAmount }) => maxClaimableAmount)).toEqual(["10", "10", "13"]);
  });

  test("bought again is another call, and not the first answer", async () => {
    await open();
    const again = await fetched("", "--session", "1000", "--reason", REASON);
    expect(again.json.data).toMatchObject({ response: { body: { text: "call 2" } } });
    expect(shop.sessions.size).toBe(1);
  });

  test("asks its owner where no mandate covers the deposit", async () => {
    await grant({ deposit: "999" as never });
    const run = await fetched("", "--session", "1000", "--reason", REASON);
    expect(run.exit).toBe(EXIT.approvalPending);
    expect(shop.presented).toEqual([]);
    const none = await fetched("", "--session", "1000", "--reason", `${REASON} 2`, "--no-ask");
    expect(none.exit).toBe(EXIT.notAsked);
  });
});

describe("a stream that is charged while it flows", () => {
  const USAGE = [{ unit: "token", quantity: "3", price: "2" }];
  const ends = (change: (extra: Record<string, unknown>) => object = (extra) => extra) => {
    shop.charge = "6";
    shop.metered = (receipt) => {
      const { extra } = receipt as { extra: Record<string, unknown> };
      return `event: payment-receipt\ndata: ${JSON.stringify({ ...receipt, extra: change({ ...extra, usage: USAGE }) })}\n\n`;
    };
  };
  const left = () => kept().calls;

  test("has its receipt as the last event, which is no part of the goods [session-metered]", async () => {
    await open();
    ends();
    const run = await fetched("?stream");
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    expect(run.json.data).toMatchObject({ receipt: { paid: { amount: "6" } }, session: { left: { amount: "984" } } });
    expect((run.json.data as { response: { body: { text: string } } }).response.body.text).toBe("data: call 2\n\n");
    expect(left()).toEqual([]);
  });

  test("keeps the receipt that the merchant signed, and receipt show checks it by the merchant's key [session-receipt-kept]", async () => {
    await open();
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const jws = (receipt: { network: string; payer: string; extra: { commitmentId?: unknown } }, resourceUrl: string) => {
      const { network, payer, extra } = receipt;
      const payload = { version: 1, network, resourceUrl, payer, issuedAt: 1, transaction: extra.commitmentId, amount: "6", usage: USAGE };
      const kid = `did:web:${encodeURIComponent(new URL(shop.origin).host)}#key`;
      const text = [{ alg: "EdDSA", kid }, payload].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
      return `${text}.${sign(null, Buffer.from(text), privateKey).toString("base64url")}`;
    };
    const shownAfter = async (path: string, resourceUrl: string, key: string | undefined) => {
      shop.charge = "6";
      shop.metered = (sent) => {
        const receipt = sent as { network: string; payer: string; extra: { commitmentId?: unknown } };
        const extensions = { "offer-receipt": { info: { receipt: { format: "jws", signature: jws(receipt, resourceUrl) } } } };
        return `event: payment-receipt\ndata: ${JSON.stringify({ ...receipt, extra: { ...receipt.extra, usage: USAGE }, extensions })}\n\n`;
      };
      const { commitment } = ((await fetched(path)).json.data as { session: { commitment: string } }).session;
      box.write("keys.json", { ...(key && { merchants: { [shop.origin]: [key] } }) });
      return (await box.run(["receipt", "show", commitment, "--keys", "keys.json"])).json;
    };
    const key = publicKey.export({ format: "jwk" }).x;
    const url = (path: string) => `${shop.url}${path}`;
    expect((await shownAfter("?1", url("?1"), key)).data).toMatchObject({ signed: { receipt: true } });
    expect((await shownAfter("?2", url("?2"), undefined)).data).toMatchObject({
      signed: { receipt: false, uncheckedReceiptOf: expect.stringContaining("did:web:127.0.0.1") },
    });
    const differs = { code: "receipt_differs", message: expect.stringContaining("no known key of the merchant signed it") };
    expect((await shownAfter("?3", url("?3"), "5b".repeat(32))).error).toMatchObject(differs);
    const other = { code: "receipt_differs", message: expect.stringContaining("another call") };
    expect((await shownAfter("?4", url("?other"), key)).error).toMatchObject(other);
  });

  test("that the merchant ended early costs what its receipt says, and is not called whole", async () => {
    await open();
    ends();
    const { metered } = shop;
    shop.metered = (receipt) => `event: payment-error\ndata: {"error":"charge_exceeded"}\n\n${metered?.(receipt)}`;
    const run = await fetched("?short");
    expect(run.json.error).toMatchObject({ message: expect.stringContaining("charge_exceeded") });
    expect(left()).toEqual([]);
    ends();
    expect((await fetched("?next")).json.data).toMatchObject({ session: { left: { amount: "978" } } });
  });

  test("that broke off before its receipt is asked about with the same voucher, which says what it cost [session-metered-broken]", async () => {
    await open();
    ends();
    shop.metered = () => "data: half";
    const broken = await fetched("?stream");
    expect(broken.exit).not.toBe(EXIT.ok);
    expect(left()).toHaveLength(1);
    const again = await fetched("?stream");
    expect(again.json.error).toMatchObject({ message: expect.stringContaining("paid") });
    expect(left()).toEqual([]);
    expect(vouchers().at(-1)).toEqual(vouchers().at(-2));
    ends();
    expect((await fetched("?next")).json.data).toMatchObject({ session: { left: { amount: "978" } } });
  });

  test.each<[what: string, change: (extra: Record<string, unknown>) => object, field: string]>([
    ["another call", (extra) => ({ ...extra, commitmentId: "other" }), "extra.commitmentId"],
    ["more than was signed", (extra) => ({ ...extra, chargedAmount: "12", usage: undefined }), "extra.chargedAmount"],
    ["a usage that does not come to the charge", (extra) => ({ ...extra, chargedAmount: "4" }), "extra.usage"],
    ["no usage, where the offer has a price of it", (extra) => ({ ...extra, usage: undefined }), "extra.usage"],
  ])("is not believed if its receipt is of %s [session-metered-lies]", async (_what, change, field) => {
    await open();
    ends(change);
    const run = await fetched("?lie");
    expect(run.exit, run.stdout).toBe(EXIT.differs);
    expect(run.json.error.details?.["fields"]).toContain(field);
  });
});

describe("what a merchant says is compared with what was signed", () => {
  const differs = async (change: (extra: Record<string, unknown>) => Record<string, unknown>) => {
    shop.receipt = change;
    const run = await fetched("?lie");
    expect(run.exit, run.stdout).toBe(EXIT.differs);
    return run.json.error.details?.["fields"] as string[];
  };
  const state = (change: object) => (extra: Record<string, unknown>) => ({
    ...extra,
    channelState: { ...(extra["channelState"] as object), ...change },
  });

  test("a receipt of another call, for more, or of more than was ever signed [session-receipt-lies]", async () => {
    await open();
    expect(await differs((extra) => ({ ...extra, commitmentId: "other" }))).toEqual(["extra.commitmentId"]);
    expect(await differs((extra) => ({ ...extra, chargedAmount: "11" }))).toEqual(["extra.chargedAmount"]);
    expect(await differs(state({ chargedCumulativeAmount: "5000" }))).toEqual(["extra.channelState.chargedCumulativeAmount"]);
    expect(await differs(state({ totalClaimed: "5000" }))).toEqual(["extra.channelState.totalClaimed"]);
    expect(await differs(state({ balance: "5000" }))).toEqual(["extra.channelState.balance"]);
    expect(await differs(state({ channelId: "0".repeat(64) }))).toEqual(["extra.channelState.channelId"]);
  });

  test("a correction is followed once, to the lane that it names [session-corrected]", async () => {
    await open();
    shop.forgetLanes();
    const run = await fetched("?next");
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    expect(shop.served).toBe(2);
    expect(vouchers().map(({ serial, maxClaimableAmount }) => `${serial}:${maxClaimableAmount}`)).toEqual(["1:10", "1:10", "1:10"]);
    expect(kept().lanes).toHaveLength(3);
  });

  test("of isolates that take turns, each names its own lane: the call goes to the object's [session-wandering]", async () => {
    await open();
    shop.wanders = true;
    const run = await fetched("?wandering");
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    const lanes = vouchers().map(({ lane }) => lane);
    expect(lanes).toHaveLength(4);
    expect(lanes.at(-1)).toBe("0");
  });

  test("an object that started anew says which serials it takes no more [session-ceiling]", async () => {
    await open();
    shop.wanders = true;
    shop.ceiling = 64;
    const run = await fetched("?ceiling");
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    expect(vouchers().at(-1)).toMatchObject({ lane: "0", serial: "65" });
  });

  test("a correction that is not this agent's own is not followed [session-correction-lies]", async () => {
    await open();
    const voucherState = { lane: "0", serial: "7", signedMaxClaimable: "900", signature: "0".repeat(128), charged: "890" };
    shop.correction = (extra) => ({ ...extra, voucherState });
    shop.forgetLanes();
    const run = await fetched("?lied");
    expect(run.exit).toBe(EXIT.differs);
    expect(run.json.error).toMatchObject({ code: "voucher_out_of_step", message: expect.stringContaining("signature") });
    expect(vouchers()).toHaveLength(2);
  });

  test("a merchant that corrects for ever is asked twice, and no more", async () => {
    await open();
    shop.refusals = ["voucher_out_of_step", "voucher_out_of_step", "voucher_out_of_step"];
    shop.correction = (extra) => extra;
    const run = await fetched("?ever");
    expect(run.exit).toBe(EXIT.differs);
    expect(shop.presented.length).toBeLessThanOrEqual(3);
  });
});

describe("an unanswered call", () => {
  test("is presented again with the same voucher, never with a second one [session-same-voucher]", async () => {
    await open();
    shop.loseAnswer = true;
    const lost = await fetched("?lost");
    expect(lost.exit).toBe(EXIT.outcomeUnknown);
    shop.loseAnswer = false;
    const again = await fetched("?lost");
    expect(again.exit).toBe(EXIT.paymentRejected);
    expect(again.json.error.message).toContain("was paid, once");
    const [, first, second] = vouchers();
    expect(second).toEqual(first);
    expect(kept()).toMatchObject({ calls: [] });
    const next = await fetched("?lost");
    expect(next.exit, next.stdout).toBe(EXIT.ok);
    expect(next.json.data["session"]).toMatchObject({ left: { amount: "970" } });
  });

  test("that is refused the second time may have been charged the first time", async () => {
    await open();
    shop.loseAnswer = true;
    await fetched("?lost");
    shop.loseAnswer = false;
    shop.refusals = ["session_closed"];
    const again = await fetched("?lost");
    expect(again.exit).toBe(EXIT.outcomeUnknown);
    expect(again.json.error.details).toMatchObject({ code: "session_closed", amount: "10" });
    expect((await fetched("?lost", "--again")).exit).toBe(EXIT.ok);
  });
});

describe("a session that does not pay it", () => {
  test.for(["session_exhausted", "session_closed", "session_unknown"] as const)(
    "%s: another way, once, and nothing was paid",
    async (code) => {
      await open();
      shop.refusals = [code];
      const run = await fetched("?other", "--reason", REASON);
      expect(run.exit, run.stdout).toBe(EXIT.approvalPending);
      expect(kept().state).toBe(code === "session_exhausted" ? "open" : "closed");
      expect(shop.served).toBe(1);
    },
  );

  test("a new price is paid at once, and not above --max-amount", async () => {
    await open();
    shop.amount = "20";
    const dear = await fetched("?dear", "--max-amount", "15");
    expect(dear.json.error.code).toBe("above_max_amount");
    const run = await fetched("?dear");
    expect(run.json.data).toMatchObject({ receipt: { paid: { amount: "20" } } });
  });
});

test("twelve calls at once sign twelve serials, and pay each once [session-parallel]", async () => {
  await open();
  await fetched("?warm");
  const runs = await Promise.all(Array.from({ length: 12 }, (_, i) => fetched(`?p=${i}`)));
  expect(runs.map(({ exit }) => exit)).toEqual(Array.from({ length: 12 }, () => EXIT.ok));
  const used = vouchers().map(({ lane, serial }) => `${lane}:${serial}`);
  expect(new Set(used).size).toBe(used.length);
  expect(shop.served).toBe(14);
  expect(kept().lanes.reduce((sum, { charged }) => sum + Number(charged), 0)).toBe(140);
});

describe("a session that its owner approves", () => {
  async function asked() {
    const run = await fetched("", "--session", "1000", "--session-for", "2h", "--reason", REASON);
    expect(run.exit, run.stdout).toBe(EXIT.approvalPending);
    return run.json.error.details?.["shortCode"] as string;
  }

  test("is shown by its worst case, signed as shown, and opened by the next run [session-approved]", async () => {
    rmSync(box.path("home/mandates"), { recursive: true, force: true });
    const code = await asked();
    const { json } = await box.run(["request", "show", code]);
    const digest = String(json.data["requestDigest"]);
    const screen = stripVTControlCharacters((await box.run(["approve", code, "--dry-run"], { terminal: true })).stderr);
    expect(screen).toMatch(/Set aside +0\.000001 LGO = 1000 units, for this payee alone/);
    expect(screen).toMatch(/Worst case +all of it/);
    expect(screen).toMatch(/unspent money is yours again by itself on/);
    const approved = await box.run(["approve", code, "--confirm", digest]);
    expect(approved.exit, approved.stdout).toBe(EXIT.ok);
    expect(approved.json.data).toMatchObject({ approved: { amount: "1000" }, session: true });
    expect(approved.json.next?.argv).toEqual(["lez-agent-pay", "fetch", "--resume", code]);
    const opened = await box.run(["fetch", "--resume", code]);
    expect(opened.exit, opened.stdout).toBe(EXIT.ok);
    expect(shop.presented.map(({ type }) => type)).toEqual(["deposit"]);
    const { channelConfig } = kept().signed;
    expect(Number(channelConfig.expiresAt) - Number(channelConfig.validAfter)).toBe(7200);
    expect(channelConfig).toMatchObject({ deposit: "1000", requestDigest: digest });
    expect((await box.run(["status", code])).json.data).toMatchObject({ conclusion: "served", session: { serial: "1" } });
    expect((await fetched("?next")).exit).toBe(EXIT.ok);
  });

  test("is not signed in a list of several", async () => {
    const code = await asked();
    const batch = await box.run(["approve", "--all-from", agent.publicKey, "--up-to", "100000", "--dry-run"]);
    expect(batch.stdout).toContain(code);
    expect(batch.stdout).toContain("It asks for a session");
  });

  test("declined, it opens nothing", async () => {
    const code = await asked();
    await box.run(["decline", code, "--code", "policy"]);
    expect((await box.run(["fetch", "--resume", code])).exit).toBe(EXIT.declined);
    expect(shop.presented).toEqual([]);
  });
});
