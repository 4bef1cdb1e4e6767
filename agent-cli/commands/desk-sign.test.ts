/** What an owner with a key on this machine signs for the page of a hosted desk: shown whole, for this desk and this account, or not at all. */

import { expect, test } from "vitest";
import { fromBase64url, toBase64url, utf8 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { pairingCode } from "../../shared/desk/pairing-place.ts";
import { signElsewhereText } from "../../shared/desk/sign-elsewhere.ts";
import { DESK_PROOF_SECONDS, MAX_DESK_SIGN_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import {
  type DeskSetting,
  deskSettingDigest,
  pairingDigest,
  type SignedDeskSetting,
  type SignedPairing,
} from "../../shared/protocol/desk.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { unixNow } from "../../shared/time.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const { owner } = await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { ownerFile: "../owner.json" });

const DESK = "https://desk.example";
const { account } = owner;
const pairing = { desk: DESK, account, agent: "8a".repeat(32), secret: "0f".repeat(16) };
const setting = (changes: Partial<DeskSetting> = {}): DeskSetting => ({
  version: "1",
  desk: DESK,
  account,
  setting: "webhook.add",
  value: JSON.stringify({ format: "ntfy", url: "https://ntfy.example/\u202Epot" }),
  issuedAt: String(unixNow()),
  nonce: "5a".repeat(32) as Digest,
  ...changes,
});

const textOf = (value: unknown) => toBase64url(utf8(typeof value === "string" ? value : JSON.stringify(value)));
const sign = (text: string, ...words: string[]) => box.run(["desk", "sign", text, "--desk", DESK, ...words]);
const printed = (text: unknown): unknown => JSON.parse(Buffer.from(fromBase64url(String(text)) ?? []).toString());

test("a pairing is signed as it was asked; the terminal shows desk, code and agent's key [desk-sign-pairing]", async () => {
  const run = await sign(signElsewhereText({ type: "Pairing", object: pairing }));
  expect(run.exit, run.stderr).toBe(EXIT.ok);
  for (const fact of [DESK, pairingCode(pairing), pairing.agent.slice(0, 32), account]) expect(run.stderr).toContain(fact);
  const { pairing: signed, ...proof } = printed(run.json.data["signed"]) as SignedPairing;
  expect(signed).toEqual(pairing);
  const claimed = { type: "Pairing", digest: pairingDigest(pairing), account } as const;
  expect(await verifyProof(proof, claimed, FACILITATOR_DECIDES)).toEqual({ ok: true });
});

test("a change is shown in words, a stranger's text by its numbers, and signed [desk-sign-setting]", async () => {
  const object = setting();
  const run = await sign(signElsewhereText({ type: "DeskSetting", object }));
  expect(run.exit, run.stderr).toBe(EXIT.ok);
  expect(run.stderr).toContain("Send notices to an address");
  expect(run.stderr).toContain("⟦U+202E⟧");
  expect(run.stderr).not.toContain("\u202E");
  const { deskSetting, ...proof } = printed(run.json.data["signed"]) as SignedDeskSetting;
  expect(deskSetting).toEqual(object);
  const claimed = { type: "DeskSetting", digest: deskSettingDigest(object), account } as const;
  expect(await verifyProof(proof, claimed, FACILITATOR_DECIDES)).toEqual({ ok: true });
});

test("one key of a policy signs for its account, with the recovery file [desk-sign-policy]", async () => {
  const other = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj";
  const made = await box.run(`policy create --key ${other} --key ${account} --out ./recovery.json`);
  const shared = made.json.data["account"] as AccountId;
  const text = signElsewhereText({ type: "Pairing", object: { ...pairing, account: shared } });
  expect((await sign(text)).json.error.hint).toContain("--recovery");
  const { pairing: signed, ...proof } = printed((await sign(text, "--recovery", "./recovery.json")).json.data["signed"]) as SignedPairing;
  const claimed = { type: "Pairing", digest: pairingDigest(signed), account: shared } as const;
  expect(await verifyProof(proof, claimed, FACILITATOR_DECIDES)).toEqual({ ok: true });
});

const OTHER = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" as AccountId;
test.each<[string, string, string, number]>([
  ["of another desk", textOf({ type: "Pairing", object: { ...pairing, desk: "https://evil.example" } }), "another desk", EXIT.usage],
  ["of another account", textOf({ type: "Pairing", object: { ...pairing, account: OTHER } }), "for the account", EXIT.usage],
  ["of another type", textOf({ type: "Authorization", object: pairing }), "nothing that can be signed", EXIT.usage],
  ["that has no type of its own", textOf({ type: "__proto__", object: pairing }), "nothing that can be signed", EXIT.usage],
  ["with a member more", textOf({ type: "Pairing", object: { ...pairing, value: "1" } }), "unknown key", EXIT.usage],
  ["with a key twice", textOf(`{"type":"Pairing","type":"Pairing","object":${JSON.stringify(pairing)}}`), "duplicate key", EXIT.usage],
  ["of a setting without words", textOf({ type: "DeskSetting", object: setting({ setting: "constructor" }) }), "cannot show", EXIT.usage],
  ["that is long", textOf(" ".repeat(MAX_DESK_SIGN_BYTES + 1)), "larger than", EXIT.usage],
  ["that is no base64url", "%%%", "is not base64url", EXIT.usage],
  [
    "of long ago",
    textOf({ type: "DeskSetting", object: setting({ issuedAt: String(unixNow() - DESK_PROOF_SECONDS - 60) }) }),
    "from another time",
    EXIT.approvalExpired,
  ],
])("a text %s is not signed [desk-sign-refuses]", async (_, text, says, exit) => {
  const run = await sign(text);
  expect([run.exit, run.json.error.message]).toEqual([exit, expect.stringContaining(says)]);
});
