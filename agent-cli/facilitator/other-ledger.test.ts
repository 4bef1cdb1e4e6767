/** A facilitator whose ledger was started over: every command says the same about a payment that was made before. */

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { LEDGER, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";
import { served } from "../testing/served.ts";
import { otherLedger } from "./other-ledger.ts";

const NEW = "046a".padEnd(64, "0");
const SENTENCE = "this facilitator keeps another ledger (046a0000…); the payment was made on 1e1e1e1e…";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const codes: Record<"paid" | "sent" | "approved", string> = { paid: "", sent: "", approved: "" };

beforeAll(async () => {
  await people(box);
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });
  for (const kind of ["paid", "sent", "approved"] as const) {
    const asked = await box.run(["fetch", `${merchant.url}?${kind}`, "--reason", REASON]);
    codes[kind] = asked.json.error.details?.["shortCode"] as string;
    await approveAsRead(box, codes[kind]);
    merchant.behaviour = kind === "sent" ? { loseAnswer: true } : {};
    if (kind !== "approved") await box.run(["pay", codes[kind]]);
  }
  merchant.behaviour = {};
});

/** The facilitator forgot everything, and the merchant settles on its new ledger. */
beforeEach(() => {
  facilitator.ledger = NEW;
  facilitator.settlement = { status: "unused" };
  merchant.behaviour = { offer: { extra: { ledger: NEW } } };
});

test("two ledgers have one sentence, and one ledger none", () => {
  expect(otherLedger(NEW, LEDGER)).toBe(SENTENCE);
  expect(otherLedger(LEDGER, LEDGER)).toBeUndefined();
  expect(otherLedger(NEW, LEDGER, "merchant")).toBe("this merchant sells on another ledger (046a0000…); the payment was made on 1e1e1e1e…");
  expect(otherLedger(NEW, undefined)).toBeUndefined(); // a payment that names no ledger
});

describe("a payment that the journal has as paid [other-ledger-paid]", () => {
  test("is paid, says request show", async () => {
    expect((await box.run(["request", "show", codes.paid])).json.data["state"]).toBe("paid");
  });

  test("is paid, says status, and why the facilitator does not know it", async () => {
    const { data } = (await box.run(["status", codes.paid])).json;
    expect(data).toMatchObject({ conclusion: "paid", doubt: SENTENCE });
    const shown = await box.run(["status", codes.paid], { terminal: true, env: { NO_COLOR: "1" } });
    expect(shown.stdout.replaceAll(/\s+/g, " ")).toContain(SENTENCE);
    served("http://127.0.0.1:1");
    const alone = await box.run(["status", codes.paid, "--facilitator-url", "http://127.0.0.1:1"]);
    expect(alone.json.data).toMatchObject({ conclusion: "paid", doubt: expect.stringContaining("could not be reached") as string });
  });

  test("is paid, says pay, whatever the merchant says of this copy", async () => {
    const run = await box.run(["pay", codes.paid]);
    if (run.exit === EXIT.ok) expect(run.json.data["receipt"]).toBeDefined();
    else expect(run.json.error.details).toMatchObject({ paidBefore: true });
    expect((await box.run(["request", "show", codes.paid])).json.data["state"]).toBe("paid");
  });

  test("cannot be revoked: the journal knows that it is paid", async () => {
    const run = await box.run(["revoke", codes.paid, "--code", "other"]);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.paymentRejected, "nonce_replayed"]);
    expect(facilitator.cancelled).toEqual([]);
  });

  test("is not compared by audit verify, which says why", async () => {
    const { data } = (await box.run("audit verify")).json;
    expect(data).toMatchObject({ checked: 0, unchecked: 1, notes: [`1 payment could not be compared: ${SENTENCE}`] });
  });

  test("is named by doctor", async () => {
    const { data } = (await box.run("doctor")).json;
    const ledger = (data["checks"] as { check: string }[]).find(({ check }) => check === "ledger");
    expect(ledger).toMatchObject({ verdict: "note", detail: `${NEW}; ${SENTENCE}` });
  });

  test("has no ledger entry there, says receipt export", async () => {
    const run = await box.run(["receipt", "export", codes.paid, "--out", box.path("evidence.json"), "--partial"]);
    expect(run.stdout).toContain(SENTENCE);
  });
});

describe("a payment whose outcome is unknown [other-ledger-unknown]", () => {
  test("stays unknown: another ledger's answer is none", async () => {
    for (const said of ["unused", "reserved", "cancelled", "expired", "settled", "unknown"]) {
      facilitator.settlement = { status: said, transaction: "0".repeat(64) };
      const run = await box.run(["status", codes.sent]);
      expect([run.exit, run.json.error.message]).toEqual([EXIT.outcomeUnknown, expect.stringContaining(SENTENCE)]);
    }
  });

  test("is not called refused when the merchant refuses a copy for its new ledger", async () => {
    await box.run(["pay", codes.sent]);
    expect((await box.run(["request", "show", codes.sent])).json.data["state"]).toBe("sent");
  });
});

test("a payment that the merchant refuses for its new ledger names both ledgers [other-ledger-refused]", async () => {
  merchant.behaviour = {};
  const asked = await box.run(["fetch", `${merchant.url}?refused`, "--reason", REASON]);
  const code = asked.json.error.details?.["shortCode"] as string;
  await approveAsRead(box, code);
  merchant.behaviour = { offer: { extra: { ledger: NEW } } };
  const run = await box.run(["pay", code]);
  expect([run.exit, run.json.error.code]).toEqual([EXIT.paymentRejected, "ledger_mismatch"]);
  expect(run.json.error.message).toContain(
    "of this network; this merchant sells on another ledger (046a0000…); the payment was made on 1e1e1e1e….",
  );
  expect(run.json.error.details).toMatchObject({ ledgers: { merchant: NEW, payment: LEDGER } });

  // Without its terms, or with a word that is no ledger, only the payment's is known.
  for (const terms of [undefined, { accepts: [{ network: "logos:lez-testnet", extra: { ledger: "\u001b[31mred" } }] }]) {
    merchant.behaviour = {
      instead(_request, response, paid) {
        if (!paid) return false;
        const header = terms && { [PAYMENT_REQUIRED]: encodeHeader(terms) };
        response.writeHead(402, { [PAYMENT_ERROR]: "ledger_mismatch", ...header }).end();
        return true;
      },
    };
    const { error } = (await box.run(["pay", code])).json;
    expect(error.message).toContain("of this network; the payment was made on 1e1e1e1e….");
    expect(error.details?.["ledgers"]).toEqual({ payment: LEDGER });
  }
});

test("an approval is not revoked there, and the answer says why", async () => {
  facilitator.settlement = { status: "cancelled" };
  const run = await box.run(["revoke", codes.approved, "--code", "other"]);
  expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([
    EXIT.outcomeUnknown,
    "outcome_unknown",
    expect.stringContaining(SENTENCE),
  ]);
});
