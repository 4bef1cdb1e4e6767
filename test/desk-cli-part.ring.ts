/** `npm run desk`: `desk sign CODE`, by which a key at a terminal signs its part of what waits at a hosted desk, and believes the desk nothing. */

import { existsSync, rmSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { REASON, type RunOptions, sandbox } from "../agent-cli/testing/cli.ts";
import { startFacilitator } from "../agent-cli/testing/facilitator.ts";
import { LEDGER, startMerchant } from "../agent-cli/testing/merchant.ts";
import { OwnersDesk } from "../agent-cli/testing/owners-desk.ts";
import { people } from "../agent-cli/testing/people.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { recoveryFile } from "../shared/desk/recovery-file.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { authorizationFor } from "../shared/protocol/approval.ts";
import { type Authorization, authorizationDigest } from "../shared/protocol/authorization.ts";
import { type Mandate, mandateDigest } from "../shared/protocol/mandate.ts";
import { checkPaymentRequest, type PaymentRequest, type PaymentRequestBody } from "../shared/protocol/payment-request.ts";
import { accountOfPolicy, type Policy } from "../shared/protocol/policy.ts";
import { unixNow } from "../shared/time.ts";
import { policyOf, TestPasskey } from "./passkey.ts";
import { newMandate } from "./signed.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const desk = await OwnersDesk.start();
const { owner, agent, ask, approve, forge } = await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { ownerFile: "../owner.json", agentFile: "../agent.json", facilitatorUrl: facilitator.url });
const phone = new TestPasskey("localhost", "7a".repeat(32), desk.origin);
const laptop = new TestPasskey("localhost", "7b".repeat(32), desk.origin);
const policy = policyOf(2, phone, laptop, owner);
const account = accountOfPolicy(policy);
const keep = (of: Policy) => box.write("recovery.json", recoveryFile({ account: accountOfPolicy(of), policy: of }));

const made = await ask(`${merchant.url}?part`, "asked.json");
const { code } = made;
const digest = made.digest as Digest;
const asked = box.read<PaymentRequest>("asked.json");

beforeEach(() => {
  desk.forget();
  desk.request = asked;
  keep(policy);
  for (const kept of ["approved", "declined"]) rmSync(box.path(`home/decisions/${digest}.${kept}.json`), { force: true });
});

const sign = (words: string[] = ["--confirm", digest], options: RunOptions = {}, what = code) =>
  box.run(["desk", "sign", what, "--desk", desk.origin, "--recovery", "./recovery.json", ...words], options);

/** What the phone has signed, as it says. */
async function signedByPhone(changes: Partial<Authorization> = {}, expiresIn?: number) {
  const checked = await checkPaymentRequest(asked, unixNow());
  if (!checked.ok) throw new Error(checked.problem);
  const authorization = { ...authorizationFor(asked, checked, account, unixNow() - 2, expiresIn), ...changes };
  return { authorization, proofs: [phone.assert(authorizationDigest(authorization))], threshold: 2 };
}
const sentPart = () => desk.sent["partial"]?.at(-1) as { authorization: Authorization; proof: { publicKey: string } } | undefined;
const approvedFile = `home/decisions/${digest}.approved.json`;
const approvedBy = () => (existsSync(box.path(approvedFile)) ? box.read<{ from: string }>(approvedFile).from : undefined);
const events = async () => ((await box.run("audit list")).json.data["entries"] as { event: string }[]).map(({ event }) => event);

describe("a part of a payment", () => {
  test("is signed after the owner has read the request, for the account of all keys, and logged before it leaves [part-signed]", async () => {
    const run = await sign([], { answers: [["Pay 0.00001 LGO", "y"]], terminal: true });
    expect(run.exit, run.screen).toBe(EXIT.ok);
    for (const fact of ["PAYMENT REQUEST", code, account, "is number 1 of the 2 that this account needs; alone it pays nothing"])
      expect(run.screen.replaceAll(/\s+/g, " ")).toContain(fact);
    expect(sentPart()).toMatchObject({ authorization: { from: account, requestDigest: digest, value: asked.payment.amount }, policy });
    const told = `Request ${code}: your key has signed it. It counts once 1 more key of the account has signed it too.`;
    expect(run.screen.replaceAll(/\s+/g, " ")).toContain(told);
    expect([(await events()).slice(-2), desk.calls.at(-1)]).toEqual([["shown", "signed_for_desk"], "logout"]);
  });

  test("is of the very object that another key has signed, which the screen names [part-joined]", async () => {
    const partial = await signedByPhone({}, 60);
    desk.partial = partial;
    desk.lies["partial"] = () => ({ data: { whole: true, missing: 0 } });
    const run = await sign();
    for (const fact of [phone.account, "for 60 s", "number 2 of the 2 that this account needs, and completes it"])
      expect(run.stderr.replaceAll(/\s+/g, " ")).toContain(fact);
    expect(run.json.data).toMatchObject({ whole: true, missing: 0 });
    expect(sentPart()?.authorization).toEqual(partial.authorization);
  });

  test("that another key signs while it is read is joined to that key's [part-meanwhile]", async () => {
    const partial = await signedByPhone();
    desk.lies["partial"] = () => {
      desk.lies = {};
      desk.partial = partial;
      return { code: "decided_meanwhile" };
    };
    expect((await sign()).exit).toBe(EXIT.ok);
    expect([desk.sent["partial"]?.length, sentPart()?.authorization]).toEqual([2, partial.authorization]);
  });

  test("is not signed for another time than was shown [part-other-time]", async () => {
    const { authorization } = await signedByPhone();
    const shorter = await signedByPhone({ validBefore: String(Number(authorization.validBefore) - 10) });
    let reads = 0;
    desk.lies["read"] = () => ({ data: reads++ === 0 ? {} : { partial: shorter } });
    const run = await sign();
    expect([run.exit, run.json.error.code, sentPart()]).toEqual([EXIT.differs, "decided_meanwhile", undefined]);
  });

  test("of which the answer was lost is accepted once: the same command sends none [part-answer-lost]", async () => {
    desk.lies["partial"] = () => undefined;
    const lost = await sign();
    expect([lost.exit, lost.json.error.code, lost.json.error.hint]).toEqual([
      EXIT.network,
      "network",
      expect.stringContaining("Run it again"),
    ]);
    const { authorization, proof } = sentPart() ?? {};
    desk.lies = {};
    desk.partial = { authorization, proofs: [proof ?? {}] };
    const again = await sign([]);
    expect(again.json.data).toMatchObject({ already: true, whole: false, missing: 1 });
    expect(desk.sent["partial"]).toHaveLength(1);
  });

  test("is the whole payment where one key is enough [part-of-one]", async () => {
    keep(policyOf(1, phone, owner));
    expect((await sign()).json.data).toMatchObject({ whole: true, missing: 0 });
    expect(desk.sent["decide"]?.[0]).toMatchObject({
      payment: { payload: { proof: { kind: "policy" }, authorization: { requestDigest: digest } } },
    });
  });

  test("that completes the payment is remembered before it leaves: the answer may be lost [part-remembered]", async () => {
    const one = policyOf(1, phone, owner);
    keep(one);
    desk.lies["decide"] = () => undefined;
    expect((await sign()).exit).toBe(EXIT.network);
    expect(approvedBy()).toBe(accountOfPolicy(one));
    rmSync(box.path(approvedFile));
    desk.lies = {};
    expect([(await sign()).exit, approvedBy()]).toEqual([EXIT.ok, accountOfPolicy(one)]);
  });

  test("is not remembered as an approval while keys are missing [part-no-approval]", async () => {
    expect((await sign()).exit).toBe(EXIT.ok);
    expect(approvedBy()).toBeUndefined();
  });

  test("is not signed if another account approved the request while it was read: both could pay [part-other-account]", async () => {
    const yes = async () => {
      expect((await approve("asked.json", "paid.json", ["--confirm", digest])).exit).toBe(EXIT.ok);
      return "y";
    };
    const run = await sign([], { answers: [["Pay 0.00001 LGO", yes]] });
    expect([run.exit, run.json.error.code, sentPart()]).toEqual([EXIT.differs, "decided_meanwhile", undefined]);
  });

  test("is not signed if the agent took the request back on this machine while it was read [part-taken-back]", async () => {
    const filed = await box.run(["request", "create", `${merchant.url}?back`, "--reason", REASON, "--inbox"]);
    const back = filed.json.data as { shortCode: string; requestDigest: string };
    desk.request = box.read<PaymentRequest>(`home/inbox/${back.requestDigest}.request.json`);
    const yes = async () => {
      expect((await box.run(["request", "cancel", back.shortCode])).exit).toBe(EXIT.ok);
      return "y";
    };
    const run = await sign([], { answers: [["Pay 0.00001 LGO", yes]] }, back.shortCode);
    expect([run.json.error.code, sentPart()]).toEqual(["request_cancelled", undefined]);
  });

  test("is sent after no other answer than a yes [part-refused]", async () => {
    const run = await sign([], { answers: [["Pay 0.00001 LGO", "n"]] });
    expect([run.exit, run.screen, sentPart()]).toEqual([EXIT.approvalPending, expect.stringContaining("--decline"), undefined]);
    const bare = await sign([]);
    expect([bare.exit, bare.json.error.code]).toEqual([EXIT.approvalPending, "interaction_required"]);
    const other = await sign(["--confirm", "0e".repeat(32)]);
    expect([other.exit, other.json.error.code, sentPart()]).toEqual([EXIT.differs, "request_differs", undefined]);
  });
});

describe("a desk that lies", () => {
  const changed = async (change: (body: PaymentRequestBody) => object) => {
    box.write("forged.json", asked);
    await forge("forged.json", change);
    return box.read<PaymentRequest>("forged.json");
  };
  test.each<[string, () => Promise<PaymentRequest>, string]>([
    ["the amount", async () => ({ ...asked, payment: { ...asked.payment, amount: "1" as Amount } }), "in place of"],
    ["the URL", async () => ({ ...asked, http: { ...asked.http, url: `${merchant.url}?other` } }), "in place of"],
    ["the payee", async () => changed(({ payment }) => ({ payment: { ...payment, payTo: account } })), "in place of"],
    ["the whole of it", async () => ({}) as PaymentRequest, "sent no request"],
  ])("about %s of the request is refused before anything is signed [part-desk-lies]", async (_, lie, says) => {
    const file = await lie();
    desk.lies["file"] = () => ({ data: { name: "request.json", text: JSON.stringify({ request: file }) } });
    const run = await sign();
    expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([
      EXIT.differs,
      "request_differs",
      expect.stringContaining(says),
    ]);
    expect(sentPart()).toBeUndefined();
  });

  test.each<[string, () => ReturnType<typeof signedByPhone>, string]>([
    ["is of another amount", () => signedByPhone({ value: "2" as Authorization["value"] }), "authorization.value"],
    ["is to another payee", () => signedByPhone({ to: account }), "authorization.to"],
    ["lasts for longer than was offered", () => signedByPhone({ validBefore: String(unixNow() + 40_000) }), "validBefore"],
    [
      "no key has signed",
      async () => ({ ...(await signedByPhone()), proofs: [phone.assert("0e".repeat(32) as Digest)] }),
      "does not count",
    ],
    [
      "a strange key has signed",
      async () => withProofOf(new TestPasskey("localhost", "7c".repeat(32), desk.origin)),
      "no key of the account",
    ],
  ])("about a part that %s is refused [part-desk-lies-of-part]", async (_, lie, says) => {
    desk.partial = await lie();
    const run = await sign();
    expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([
      EXIT.differs,
      "request_differs",
      expect.stringContaining(says),
    ]);
    expect(sentPart()).toBeUndefined();
  });

  async function withProofOf(stranger: TestPasskey) {
    const part = await signedByPhone();
    return { ...part, proofs: [stranger.assert(authorizationDigest(part.authorization))] };
  }
});

describe("what cannot be signed has a code of its own", () => {
  test.each<[string, () => void, number, string, string]>([
    ["a request that was approved meanwhile", () => (desk.state = "paid"), EXIT.differs, "decided_meanwhile", code],
    ["one that has expired", () => (desk.state = "expired"), EXIT.approvalExpired, "request_expired", code],
    ["one that its agent took back", () => (desk.state = "cancelled"), EXIT.approvalExpired, "request_cancelled", code],
    ["one that the desk does not have", () => (desk.request = undefined), EXIT.notSetUp, "request_not_found", code],
    ["one that expires while it is read", () => refuse("partial", "request_expired"), EXIT.approvalExpired, "request_expired", code],
    ["one that is approved while it is read", () => refuse("partial", "decided_meanwhile"), EXIT.differs, "decided_meanwhile", code],
    ["a login that ends while it is read", () => refuse("partial", "signed_out"), EXIT.notSetUp, "signed_out", code],
    ["at a desk that is down", () => (desk.lies["loginNonce"] = () => undefined), EXIT.network, "network", code],
    ["at a desk that is down once it was read", () => (desk.lies["file"] = () => undefined), EXIT.network, "network", code],
    ["by a key that is none of the account's", () => keep(policyOf(2, phone, laptop)), EXIT.usage, "usage", code],
  ])("%s [part-codes]", async (_, lie, exit, failure, what) => {
    lie();
    const run = await sign(["--confirm", digest], {}, what);
    expect([run.exit, run.json.error.code]).toEqual([exit, failure]);
  });
  const refuse = (name: string, refusal: string) => (desk.lies[name] = () => ({ code: refusal }));

  test("words that do not go together are refused before a key is opened [part-words]", async () => {
    const runs = [
      await sign(["--code", "other"]),
      await sign(["--offline", "--check-terms"]),
      await sign(["--decline"], {}, "eyJ0eXBlIjoiUGFpcmluZyIs"),
    ];
    expect(runs.map(({ exit }) => exit)).toEqual([EXIT.usage, EXIT.usage, EXIT.usage]);
    expect(desk.calls).toEqual([]);
    desk.partial = await signedByPhone();
    expect((await sign(["--expires-in", "60"])).json.error.message).toContain("--expires-in");
  });
});

test("a no is signed by one key for the account, and sent as it was when it is sent again [part-declined]", async () => {
  desk.lies["refuse"] = () => undefined;
  expect((await sign(["--decline", "--code", "other"])).exit).toBe(EXIT.network);
  desk.lies = {};
  expect((await sign(["--decline", "--code", "duplicate"])).json.data).toMatchObject({ did: "declined" });
  const [first, second] = desk.sent["refuse"] ?? [];
  expect(first).toMatchObject({
    record: { signed: true, decision: { from: account, ledger: LEDGER, code: "other" }, proof: { kind: "policy" } },
  });
  expect(second).toEqual(first);
});

test("a no that was said before is the desk's word [part-declined-before]", async () => {
  desk.state = "declined";
  const run = await sign(["--decline", "--code", "other"], { terminal: true });
  expect([run.exit, run.screen]).toEqual([EXIT.ok, expect.stringContaining("was declined before, says the desk")]);
});

describe("a proposed allowance", () => {
  const datedIn = (seconds: number) => {
    const at = String(unixNow() + seconds);
    return { grantedAt: at, validAfter: at, validBefore: String(Number(at) + 3600) };
  };
  const propose = async (changes: Partial<Mandate> = {}) => {
    const { mandate } = await newMandate(agent, agent, LEDGER, { from: account, ...changes });
    desk.proposed = [{ mandate, signedBy: [phone.account], endsAt: "2026-01-31T00:00:00Z" }];
    return mandateDigest(mandate);
  };

  test.each<[string, Partial<Mandate>, string]>([
    ["of another account", { from: owner.account }, "another account"],
    ["of another ledger", { ledger: "0e".repeat(32) as Digest }, "another ledger"],
    ["that is dated ahead, and so outlives a revocation of all", datedIn(86_400), "dated ahead"],
  ])("%s is not signed [part-allowance-other]", async (_, changes, says) => {
    const run = await sign([], {}, await propose(changes));
    expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([
      EXIT.differs,
      "request_differs",
      expect.stringContaining(says),
    ]);
    expect(desk.sent["grantPart"]).toBeUndefined();
  });

  test("is shown as mandate grant shows it, and signed after a yes to its digest [part-allowance-signed]", async () => {
    const proposed = await propose();
    const unread = await sign([], {}, proposed);
    expect([unread.exit, unread.json.error.hint]).toEqual([EXIT.approvalPending, expect.stringContaining(`--confirm ${proposed}`)]);
    const run = await sign(["--confirm", proposed], {}, proposed);
    for (const fact of [
      "MANDATE",
      `${phone.account}, says the desk`,
      "one part alone",
      `lez-agent-pay mandate revoke ${proposed} --recovery FILE`,
    ])
      expect(run.stderr.replaceAll(/\s+/g, " ")).toContain(fact);
    expect(run.json.data).toMatchObject({ what: "allowance", whole: false, missing: 1 });
    expect(desk.sent["grantPart"]?.[0]).toMatchObject({ policy, proof: { kind: "ed25519", publicKey: owner.publicKey } });
  });

  test("that this key has signed, as the desk says, is not signed again, and said to be the desk's word [part-allowance-already]", async () => {
    const proposed = await propose();
    desk.proposed = desk.proposed.map((one) => ({ ...one, signedBy: [owner.account] }));
    const run = await sign([], { terminal: true }, proposed);
    expect([run.exit, desk.sent["grantPart"]]).toEqual([EXIT.ok, undefined]);
    expect(run.screen.replaceAll(/\s+/g, " ")).toContain("your key has signed it before, says the desk");
  });

  test("is shown beside those that the desk says are open [part-allowance-others]", async () => {
    const proposed = await propose();
    const sum = (amount: string) => ({ amount, asset: "LGO", display: "" });
    const open = [
      { mandate: "0a".repeat(32), total: sum("5000"), usage: { status: "open", left: sum("3000") } },
      { mandate: "0b".repeat(32), total: sum("2000") },
    ];
    desk.lies["mandates"] = () => ({ data: { mandates: open, proposed: desk.proposed } });
    const run = await sign([], {}, proposed);
    const shown = run.stderr.replaceAll(/\s+/g, " ");
    for (const fact of ["no other mandate is open here", "2 more allowances are open there, which can cost 0.000005 LGO, says the desk"])
      expect(shown).toContain(fact);
  });
});
