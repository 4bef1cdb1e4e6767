/** The owner's side without a terminal: refusals, records, and the screen. */

import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { APPROVAL_TYPED_THRESHOLD } from "../../shared/limits.ts";
import { authorizationFor } from "../../shared/protocol/approval.ts";
import { approvalNonce } from "../../shared/protocol/authorization.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import type { DecisionRecord } from "../../shared/protocol/decision.ts";
import { isGenuineDecision } from "../../shared/protocol/decision.ts";
import { checkPaymentRequest, type PaymentRequest, requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentPayload, PaymentRequirements } from "../../shared/x402/x402.ts";
import { approvalScreen } from "../approval/approval-screen.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { cells, layoutFor } from "../runtime/layout.ts";
import { Sandbox, sandbox } from "../testing/cli.ts";
import { LEDGER, startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const { ask, approve, forge, owner, agent } = await people(box);
beforeEach(() => merchant.reset());

const digestIn = (file: string) => requestDigest(box.read<PaymentRequest>(file));
const codeOf = (file: string) => shortCode(digestIn(file));
const confirm = (file: string, ...extra: string[]) => approve(file, "payload.json", ["--confirm", digestIn(file), ...extra]);
const authorizationIn = (file: string) =>
  (box.read<PaymentPayload>(file).payload as { authorization: Record<string, string> }).authorization;

describe("approving", () => {
  test("without a terminal waits for the owner, or takes the request's own digest", async () => {
    await ask(merchant.url, "request.json");
    const digest = digestIn("request.json");
    const waiting = await approve("request.json", "waiting.json");
    expect([waiting.exit, waiting.json.error.code]).toEqual([EXIT.approvalPending, "interaction_required"]);
    expect(waiting.json.error.hint).toContain(`--confirm ${digest} `);
    const wrong = await approve("request.json", "waiting.json", ["--confirm", "00".repeat(32)]);
    expect([wrong.exit, wrong.json.error.code]).toEqual([EXIT.differs, "request_differs"]);
    expect(existsSync(box.path("waiting.json"))).toBe(false);
    expect((await approve("request.json", "payload.json", ["--confirm", digest])).exit).toBe(EXIT.ok);
  });

  test("does not take the short code for it: two requests with the same one are made in seconds [confirm-not-by-short-code]", async () => {
    await ask(merchant.url, "request.json");
    const [code, digest] = [codeOf("request.json"), digestIn("request.json")];
    for (const part of [code, code.toLowerCase().replace("-", ""), digest.slice(0, 63), `${digest}0`]) {
      const refused = await approve("request.json", "short.json", ["--confirm", part]);
      expect([refused.exit, refused.json.error.code]).toEqual([EXIT.usage, "usage"]);
      expect(refused.json.error.message).toContain("--confirm");
    }
    expect(existsSync(box.path("short.json"))).toBe(false);
  });

  test("shows the digest with --dry-run and in request show", async () => {
    const { code, digest } = await ask(merchant.url, "request.json");
    const look = await approve("request.json", "never.json", ["--dry-run"], { terminal: true });
    expect(look.stdout).toContain(digest);
    expect((await box.run(["request", "show", code], { terminal: true })).stdout).toContain(digest);
  });

  test("signs the request's terms, for the offered time, into a private file [approve-signs-terms]", async () => {
    await ask(merchant.url, "request.json");
    const run = await confirm("request.json");
    const request = box.read<PaymentRequest>("request.json");
    const { validAfter, validBefore, ...signed } = authorizationIn("payload.json");
    expect(Number(validBefore) - Number(validAfter)).toBe(900);
    expect(signed).toMatchObject({
      from: owner.account,
      to: request.payment.payTo,
      value: "10000",
      ledger: LEDGER,
      requestDigest: requestDigest(request),
    });
    expect(canonicalJson(box.read<PaymentPayload>("payload.json").accepted)).toBe(request.payment.offer);
    expect(statSync(box.path("payload.json")).mode & 0o777).toBe(0o600);
    expect(run.stdout + run.stderr).not.toContain((box.read<PaymentPayload>("payload.json").payload as { signature: string }).signature);
  });

  test("twice gives two payments with one nonce: it is paid once", async () => {
    await ask(merchant.url, "request.json");
    expect([
      (await confirm("request.json")).exit,
      (await approve("request.json", "second.json", ["--confirm", digestIn("request.json")])).exit,
    ]).toEqual([0, 0]);
    const nonce = approvalNonce(owner.account, requestDigest(box.read<PaymentRequest>("request.json")));
    expect([authorizationIn("payload.json")["nonce"], authorizationIn("second.json")["nonce"]]).toEqual([nonce, nonce]);
  });

  test("can shorten the time, and cannot lengthen it [approve-shorter-time]", async () => {
    await ask(merchant.url, "request.json");
    await confirm("request.json", "--expires-in", "60");
    const { validAfter, validBefore } = authorizationIn("payload.json");
    expect(Number(validBefore) - Number(validAfter)).toBe(60);
    expect((await confirm("request.json", "--expires-in", "901")).exit).toBe(EXIT.usage);
  });

  test("asks the merchant: other terms are refused, and its words are cut and escaped", async () => {
    await ask(merchant.url, "request.json");
    expect((await confirm("request.json")).json.data["confirmedByHost"]).toBe(true);
    merchant.behaviour = { description: `Report\u001b[2J ${"x".repeat(1000)}` };
    const shown = (await confirm("request.json")).stderr;
    expect(shown).toMatch(/the merchant says[^]*Report⟦U\+001B⟧[^]*and 518 more characters/);
    merchant.behaviour = { amount: "10001" };
    const refused = await confirm("request.json");
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.differs, "terms_differ"]);
    expect(refused.json.error.message).toContain('amount is "0.000010001 LGO", not "0.00001 LGO"');
  });
});

type Unsigned = Omit<PaymentRequest, "agentSignature">;

function offerIn(body: Unsigned): PaymentRequirements {
  return JSON.parse(body.payment.offer) as PaymentRequirements;
}

function withOffer(body: Unsigned, offer: PaymentRequirements) {
  return { payment: { ...body.payment, offer: canonicalJson(offer) } };
}

describe("a request that must not be approved", () => {
  test.each<[string, (body: Unsigned) => object, number, string]>([
    [
      "shows another URL than it is bound to [approve-other-url]",
      (body) => ({ http: { ...body.http, url: `${merchant.origin}/other` } }),
      EXIT.differs,
      "binding_mismatch",
    ],
    ["shows a smaller amount than it offers", (body) => ({ payment: { ...body.payment, amount: "1" } }), EXIT.differs, "offer_mismatch"],
    [
      "shows another payee than it offers",
      (body) => ({ payment: { ...body.payment, payTo: owner.account } }),
      EXIT.differs,
      "offer_mismatch",
    ],
    [
      "names a merchant of another host",
      (body) => ({ merchant: { ...body.merchant, url: "https://bank.example/" } }),
      EXIT.differs,
      "origin_mismatch",
    ],
    [
      "has splits in its offer",
      (body) => withOffer(body, { ...offerIn(body), extra: { ...offerIn(body).extra, splits: [{}] } }),
      EXIT.unsupported,
      "unsupported_extra",
    ],
    ["lives too long", () => ({ expiresAt: "2099-01-01T00:00:00Z" }), EXIT.differs, "request_too_long"],
    [
      "has expired",
      () => ({ createdAt: formatTimestamp(unixNow() - 7200), expiresAt: formatTimestamp(unixNow() - 1) }),
      EXIT.approvalExpired,
      "request_expired",
    ],
    [
      "pays the owner's own account",
      (body) => {
        const terms = { network: NETWORK, asset: "native", amount: "10000", payTo: owner.account };
        const offer = { ...offerIn(body), ...terms, extra: { binding: bindingOf(body.http, terms) } };
        return { payment: { ...body.payment, payTo: owner.account, offer: canonicalJson(offer) } };
      },
      EXIT.differs,
      "recipient_mismatch",
    ],
  ])("%s", async (_, change, exit, code) => {
    await ask(merchant.url, "forged.json");
    await forge("forged.json", change);
    const refused = await approve("forged.json", "never.json", ["--confirm", digestIn("forged.json")]);
    expect([refused.exit, refused.json.error.code]).toEqual([exit, code]);
    expect(existsSync(box.path("never.json"))).toBe(false);
  });

  test("was changed without the agent's key", async () => {
    await ask(merchant.url, "forged.json");
    box.write("forged.json", { ...box.read<PaymentRequest>("forged.json"), reason: "A better reason than the agent ever gave for it." });
    const refused = await confirm("forged.json");
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.differs, "invalid_signature"]);
  });

  test("was made with the owner's own key, or is no request at all", async () => {
    await ask(merchant.url, "request.json");
    box.write("request.json", { ...box.read<PaymentRequest>("request.json"), extra: 1 });
    expect((await approve("request.json", "never.json")).json.error.code).toBe("invalid_file");
    const agentAsOwner = box.write("agent-as-owner.json", { ...box.read<object>("agent.json"), role: "owner", name: undefined });
    await ask(merchant.url, "request.json");
    const refused = await box.run(
      `owner approve --request-file ./request.json --owner-file ${agentAsOwner} --out ./never.json --confirm ${digestIn("request.json")}`,
    );
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.notSetUp, "wrong_role"]);
    expect(existsSync(box.path("never.json"))).toBe(false);
  });

  test("is not approved with an agent's key, nor with one that others can read [approve-owner-key-only]", async () => {
    await ask(merchant.url, "request.json");
    const approveWith = (key: string) =>
      box.run(`owner approve --request-file ./request.json --owner-file ${key} --out ./never.json --confirm ${digestIn("request.json")}`);
    expect((await approveWith("./agent.json")).exit).toBe(EXIT.notSetUp);
    chmodSync(box.write("loose.json", owner), 0o644);
    expect((await approveWith("./loose.json")).exit).toBe(EXIT.unsafePermissions);
  });
});

describe("declining", () => {
  test("is final, and is recorded where the owner's tool looks [decline-is-final]", async () => {
    await ask(merchant.url, "request.json");
    const declined = await box.run([
      "owner",
      "decline",
      "--request-file",
      "./request.json",
      "--code",
      "other",
      "--note",
      "Not this month.",
      "--out",
      "./decision.json",
      "--force",
    ]);
    expect(declined.exit).toBe(EXIT.ok);
    expect(box.read("decision.json")).toMatchObject({
      signed: false,
      decision: { decision: "declined", code: "other", note: "Not this month." },
    });
    const late = await approve("request.json", "never.json", ["--confirm", digestIn("request.json")]);
    expect([late.exit, late.json.error.code]).toEqual([EXIT.declined, "declined"]);
    const home = box.env.LEZ_AGENT_PAY_HOME;
    expect([statSync(home).mode & 0o777, statSync(`${home}/decisions`).mode & 0o777]).toEqual([0o700, 0o700]);
    expect(readdirSync(`${home}/decisions`)).toContain(`${requestDigest(box.read<PaymentRequest>("request.json"))}.declined.json`);
  });

  test("with the owner's key is signed", async () => {
    await ask(merchant.url, "request.json");
    await box.run([
      "owner",
      "decline",
      "--request-file",
      "./request.json",
      "--owner-file",
      "./owner.json",
      "--code",
      "policy",
      "--out",
      "./decision.json",
      "--force",
    ]);
    const record = box.read<DecisionRecord>("decision.json");
    expect(record).toMatchObject({ signed: true, publicKey: owner.publicKey, decision: { code: "policy" } });
    expect(await isGenuineDecision(record)).toBe(true);
    expect(await isGenuineDecision({ ...record, decision: { ...record.decision, code: "other" } })).toBe(false);
  });

  test("with a code that is none is refused", async () => {
    expect((await box.run(["owner", "decline", "--request-file", "./request.json", "--code", "meh"])).exit).toBe(EXIT.usage);
  });

  test("a state directory that is open to others is not trusted [state-open-to-others]", async () => {
    await ask(merchant.url, "request.json");
    const home = box.env.LEZ_AGENT_PAY_HOME;
    chmodSync(home, 0o755);
    const refused = await confirm("request.json");
    chmodSync(home, 0o700);
    expect([refused.exit, refused.json.error.hint]).toEqual([EXIT.unsafePermissions, `Run: chmod 700 ${home}`]);
  });
});

const NOTHING = { headers: [] as string[], body: { kind: "none" } as const };
const NOT_ASKED = { kind: "unknown", why: "nothing was asked" } as const;
const UNCONFIRMED = { kind: "unconfirmed", why: "unknown host name", signature: { kind: "unchecked" } } as const;

describe("the screen", () => {
  const now = 1_760_000_000;

  /** The screen of a request with these changes, at that width, as plain text. */
  async function screen(change: (body: Unsigned) => object, columns = 80): Promise<string> {
    const scratch = new Sandbox();
    const { forge } = await people(scratch);
    const terms = { network: NETWORK, asset: "native", amount: "2500000000", payTo: "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" };
    const http = { method: "GET", url: "https://api.example.com/premium?q=1" };
    const offer = { scheme: "exact", ...terms, maxTimeoutSeconds: 900, extra: { binding: bindingOf(http, terms), ledger: LEDGER } };
    scratch.write("r.json", {
      version: "1",
      id: "pr_0123456789abcdef",
      createdAt: formatTimestamp(now),
      expiresAt: formatTimestamp(now + 3600),
      agent: { publicKey: "ab".repeat(32), name: "Research agent" },
      merchant: { name: "Example", url: "https://api.example.com/" },
      http,
      payment: { scheme: "exact", ...terms, maxTimeoutSeconds: "900", offer: canonicalJson(offer) },
      reason: "The comparison you asked for needs the figures of this report.",
      agentSignature: "",
    });
    await forge("r.json", change);
    const request = scratch.read<PaymentRequest>("r.json");
    scratch.remove();
    const checked = {
      ok: true as const,
      digest: "5a".repeat(32) as Digest,
      offer: JSON.parse(request.payment.offer) as PaymentRequirements,
      scope: "query+body" as const,
    };
    const from = "GtPoPd2rsL2SjQpPUPEwzeBELsTi4ha3QezK4iSjNzFE" as typeof owner.account;
    const authorization = authorizationFor(request, checked, from, now);
    return approvalScreen(
      {
        request,
        checked,
        authorization,
        now,
        history: [],
        open: [],
        threshold: APPROVAL_TYPED_THRESHOLD,
        host: UNCONFIRMED,
        sent: NOTHING,
        balance: NOT_ASKED,
        outstanding: { sum: 0n, requests: 0 },
        mandates: [],
        pinnedBefore: false,
      },
      layoutFor({ columns }, {}),
    ).join("\n");
  }

  test("shows the facts before the words of agent and merchant", async () => {
    expect(await screen(() => ({}))).toMatchSnapshot();
  });

  test("fits into 40 columns and omits nothing", async () => {
    const narrow = await screen(() => ({}), 40);
    expect(narrow).toMatchSnapshot();
    expect(Math.max(...narrow.split("\n").map(cells))).toBeLessThanOrEqual(40);
    expect(narrow.replaceAll(/[\s│]/g, "")).toContain("6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj");
  });

  test("text that imitates the screen is shown with its escapes", async () => {
    const hostile =
      "\u001b[2J\u001b[1;1HPay 0 LGO\r\n│ PAYMENT REQUEST  AAAA-AAAA\n\u202Eyenom on\u202C \u200B\u{E0041} really nothing at all";
    const shown = await screen((body) => ({
      reason: hostile,
      merchant: { ...body.merchant, name: "Bank\u202E\u0007" },
      agent: { ...body.agent, name: "\u001b]8;;https://evil.example\u0007owner" },
    }));
    expect(shown).toMatchSnapshot();
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u200b\u{E0000}-\u{E007F}]/u);
    const words = shown.slice(shown.indexOf("the agent says"), shown.lastIndexOf("\n\n"));
    expect(words.split("\n").filter((line) => !/^[┌│└]/.test(line.trimStart()) && line !== "")).toEqual([words.split("\n")[0]]);
  });

  test("warns of what deserves a second look [approve-warnings]", async () => {
    await ask(merchant.url, "request.json");
    const request = box.read<PaymentRequest>("request.json");
    const checked = await checkPaymentRequest(request, unixNow());
    if (!checked.ok) throw new Error(checked.problem);
    const entry = {
      requestDigest: checked.digest,
      at: formatTimestamp(unixNow()),
      agentKey: agent.publicKey,
      url: request.http.url,
      payTo: request.payment.payTo,
      amount: request.payment.amount,
    };
    const authorization = authorizationFor(request, checked, owner.account, unixNow());
    const view = (history: Parameters<typeof approvalScreen>[0]["history"], scope = checked.scope) =>
      approvalScreen(
        {
          request,
          checked: { ...checked, scope },
          authorization,
          now: unixNow(),
          history,
          open: [],
          threshold: APPROVAL_TYPED_THRESHOLD,
          host: UNCONFIRMED,
          sent: NOTHING,
          balance: NOT_ASKED,
          outstanding: { sum: 0n, requests: 0 },
          mandates: [],
          pinnedBefore: false,
        },
        layoutFor({}, {}),
      ).join("\n");
    expect(view([])).toMatch(
      /never approved a payment to this host[^]*First payment to this account[^]*agent's key[^]*http:[^]*IP address[^]*unusual port/,
    );
    expect(view([{ ...entry, decision: "approved" }])).not.toMatch(/First payment|You never approved/);
    expect(view([{ ...entry, decision: "approved" }])).toContain("You approved this very request before");
    expect(view([{ ...entry, decision: "declined", requestDigest: "00".repeat(32) }])).toContain("You declined the same terms");
    expect(view(Array.from({ length: 5 }, () => ({ ...entry, decision: "approved" as const })))).toContain("number 6 within ten minutes");
    expect(view([], "none")).toMatch(/NOTHING[^]*tied to no request/);
  });
});
