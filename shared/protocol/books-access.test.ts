import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { hexToBytes } from "../crypto/bytes.ts";
import { type Digest, digest } from "../crypto/digest.ts";
import { MAX_BOOKS_ACCESS_SECONDS } from "../limits.ts";
import { decodeHeader, encodeHeader } from "../x402/headers.ts";
import {
  authorizeRead,
  type BooksAccess,
  booksAccessDigest,
  grantAccess,
  revocationProblem,
  revokeAccesses,
  verifyRead,
} from "./books-access.ts";
import { keySigner, type WalletSigner } from "./signer.ts";

const NOW = 1_760_000_000;
const LEDGER = "1e".repeat(32) as Digest;
const owner = await keySigner(hexToBytes("01".repeat(32)));
const agent = await keySigner(hexToBytes("02".repeat(32)));
const stranger = await keySigner(hexToBytes("03".repeat(32)));
const call = { method: "GET", path: `/accounts/${owner.account}/journal?after=0` };
const asked = { ...call, account: owner.account, now: NOW };

/** The header of a read under an access that differs. */
async function headerOf(change: Partial<BooksAccess> = {}, by: WalletSigner = owner): Promise<string> {
  const { access } = await grantAccess(owner, LEDGER, agent.publicKey, NOW);
  const changed = { ...access, ...change };
  const signed = { access: changed, publicKey: by.publicKey, signature: await by.sign(booksAccessDigest(changed)) };
  return authorizeRead(signed, agent, call, NOW);
}

const granted = await headerOf();

/** The same header with a member that differs. */
function changed(change: object): string {
  const value = decodeHeader(granted.split(" ")[1] ?? "", z.record(z.string(), z.unknown()));
  return `BooksRead ${encodeHeader({ ...(value.ok ? value.value : {}), ...change })}`;
}

describe("a signed read", () => {
  test("lets the reader in, from a minute before to a minute after it was signed", async () => {
    expect(await verifyRead(granted, asked)).toMatchObject({ ok: true, access: { reader: agent.publicKey, ledger: LEDGER } });
    for (const now of [NOW - 60, NOW + 60]) expect(await verifyRead(granted, { ...asked, now })).toMatchObject({ ok: true });
    for (const now of [NOW - 61, NOW + 61]) expect(await verifyRead(granted, { ...asked, now })).toMatchObject({ ok: false });
    expect(await verifyRead(granted.replace("BooksRead", "booksread"), asked)).toMatchObject({ ok: true });
  });

  test.each([
    ["method", { method: "HEAD" }],
    ["path", { path: `/accounts/${owner.account}` }],
    ["query", { path: `/accounts/${owner.account}/journal?after=1` }],
  ])("counts for its own %s only", async (_what, other) => {
    expect(await verifyRead(granted, { ...asked, ...other })).toEqual({ ok: false, detail: "readSignature: is not the reader's" });
  });

  test("counts for its own account only", async () => {
    const refused = await verifyRead(granted, { ...asked, account: stranger.account });
    expect(refused).toEqual({ ok: false, detail: "access.account: is not the account that is asked for" });
  });

  test("of a key that the access does not name counts for nothing", async () => {
    const signed = await grantAccess(owner, LEDGER, agent.publicKey, NOW);
    expect(await verifyRead(await authorizeRead(signed, stranger, call, NOW), asked)).toMatchObject({
      detail: "readSignature: is not the reader's",
    });
  });

  test.each<[string, Partial<BooksAccess>, string | undefined]>([
    ["for 30 days", { validBefore: String(NOW + MAX_BOOKS_ACCESS_SECONDS) }, undefined],
    ["for longer", { validBefore: String(NOW + MAX_BOOKS_ACCESS_SECONDS + 1) }, "access.validBefore: is more than 30 days after issuedAt"],
    ["until now", { validBefore: String(NOW) }, undefined],
    ["that is over", { validBefore: String(NOW - 1) }, "access.validBefore: is over"],
    ["issued within a minute from now", { issuedAt: String(NOW + 60) }, undefined],
    ["issued later", { issuedAt: String(NOW + 61) }, "access.issuedAt: is in the future"],
  ])("under an access %s", async (_what, change, detail) => {
    expect(await verifyRead(await headerOf(change), asked)).toMatchObject(detail === undefined ? { ok: true } : { ok: false, detail });
  });

  test("under an access that another account signed counts for nothing", async () => {
    expect(await verifyRead(await headerOf({}, stranger), asked)).toEqual({ ok: false, detail: "signature: is not the account's" });
    const forged = changed({ signature: "00".repeat(64) });
    expect(await verifyRead(forged, asked)).toEqual({ ok: false, detail: "signature: is not the account's" });
  });

  test.each<[string, string | undefined, string | undefined]>([
    ["no header", undefined, undefined],
    ["a bearer key", "Bearer secret", undefined],
    ["two words", `${granted} more`, undefined],
    ["what is not base64", "BooksRead {}", "not base64"],
    ["an unknown member", changed({ more: "1" }), 'value: unknown key "more"'],
    ["a header of 8 KiB", `BooksRead ${"A".repeat(8193)}`, "header larger than 8192 bytes"],
  ])("is not %s", async (_what, header, detail) => {
    expect(await verifyRead(header, asked)).toEqual({ ok: false, ...(detail !== undefined && { detail }) });
  });

  test("under an access with an unknown member counts for nothing", async () => {
    const more = { unknown: "1" } as Partial<BooksAccess>;
    expect(await verifyRead(await headerOf(more), asked)).toEqual({ ok: false, detail: 'access: unknown key "unknown"' });
  });
});

describe("a revocation", () => {
  test("is the account's own, and not for the future", async () => {
    const revoked = await revokeAccesses(owner, LEDGER, NOW);
    expect(await revocationProblem(revoked, NOW)).toBeUndefined();
    expect(await revocationProblem(revoked, NOW - 61)).toMatchObject({ code: "invalid_payload" });
    const { revocation } = revoked;
    const byStranger = { revocation, publicKey: stranger.publicKey, signature: await stranger.sign(digest("BooksRevocation", revocation)) };
    expect(await revocationProblem(byStranger, NOW)).toEqual({ code: "invalid_signature" });
    expect(await revocationProblem({ ...byStranger, publicKey: owner.publicKey }, NOW)).toEqual({ code: "invalid_signature" });
  });
});
