/** What a client remembers of a merchant, and what it makes of one that changes, or whose key cannot be had. Each test meets it for the first time. */

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pinOf, writePin } from "../../agent-cli/records/merchant-pins.ts";
import { contextFor } from "../../agent-cli/runtime/context.ts";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { DID_TIMEOUT_SECONDS, MAX_PINS, PIN_SECONDS } from "../../agent-cli/runtime/limits.ts";
import { type Run, REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { people } from "../../agent-cli/testing/people.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { NETWORK } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { startHostileMerchant } from "./merchant.ts";
import { type DocumentName, FIRST_KEY, SECOND_KEY } from "./signing.ts";
import { OTHER_ACCOUNT, type TrickName } from "./tricks.ts";

const merchant = await startHostileMerchant();
afterAll(() => merchant.stop());
const box = sandbox();
await people(box);

let home = 0;
beforeEach(() => {
  merchant.reset();
  merchant.publish("honest");
  home++;
});
const later = (seconds: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
afterEach(() => void vi.useRealTimers());

const directory = () => box.path(`home-${home}`);
const run = (words: readonly string[], terminal = false) =>
  box.run(words, { env: { LEZ_AGENT_PAY_HOME: directory(), NO_COLOR: "1" }, terminal });
const meet = (trick: TrickName, ...words: string[]) =>
  run(["request", "create", merchant.at(trick), "--reason", REASON, "--agent-file", "./agent.json", "--inbox", ...words]);
const seen = ({ json }: Run) => json.data["merchant"] as Record<string, unknown>;
const documentAsked = () => merchant.seen.filter(({ path }) => path.endsWith("did.json")).length;
const pins = async () => (await run(["pins", "list"])).json.data["pins"] as Record<string, unknown>[];

function contextOf() {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  return contextFor({ ...streams, env: { LEZ_AGENT_PAY_HOME: directory() }, signal: new AbortController().signal }, [], true);
}

/** Refused with exit 23 under that code; what was pinned is what it was. */
async function refused(trick: TrickName, code: string, changed?: string): Promise<Run> {
  const before = await pins();
  const answer = await meet(trick);
  expect([answer.exit, answer.json.error?.code, answer.json.error?.details?.["changed"]]).toEqual([EXIT.differs, code, changed]);
  expect(await pins()).toEqual(before);
  expect((await run(["inbox"])).json.data["requests"]).toHaveLength(before.length);
  return answer;
}

describe("a merchant that is met", () => {
  test("for the first time is pinned, with payee and key, and it is said; the next time nothing is fetched", async () => {
    expect(seen(await meet("signed"))).toEqual({
      origin: merchant.origin,
      pinned: "new",
      signed: true,
      payTo: DEMO_MERCHANT_ACCOUNT,
      publicKey: FIRST_KEY.publicKey,
      firstSeenAt: expect.any(String),
    });
    expect(seen(await meet("signed"))).toMatchObject({ pinned: "known", signed: true });
    expect(documentAsked()).toBe(1);
    expect(await pins()).toMatchObject([
      { origin: merchant.origin, payTo: DEMO_MERCHANT_ACCOUNT, publicKey: FIRST_KEY.publicKey, expired: false },
    ]);
    const [file = ""] = readdirSync(path.join(directory(), "pins"));
    expect(statSync(path.join(directory(), "pins", file)).mode & 0o777).toBe(0o600);
  });

  test("on a terminal is spoken of, by fetch as well", async () => {
    const made = await run(
      ["request", "create", merchant.at("signed"), "--reason", REASON, "--agent-file", "./agent.json", "--inbox"],
      true,
    );
    expect(made.stdout.replaceAll(/\s+/g, " ")).toContain("seen for the first time; its account is remembered; terms signed with");
    home++;
    const asked = await run(["fetch", merchant.at("signed"), "--reason", REASON, "--agent-file", "./agent.json"], true);
    expect(asked.stderr).toContain("seen for the first time");
    expect(asked.exit).toBe(EXIT.approvalPending);
  });

  test("by fetch is in the data too, and refused in the same way", async () => {
    const fetched = (trick: TrickName) => run(["fetch", merchant.at(trick), "--reason", REASON, "--agent-file", "./agent.json"]);
    expect((await fetched("key-changes")).json.error.details).toMatchObject({ merchant: { pinned: "new", signed: true } });
    const again = await run(["fetch", merchant.at("key-changes"), "--reason", `${REASON} Again.`, "--agent-file", "./agent.json"]);
    expect([again.exit, again.json.error.code]).toEqual([EXIT.differs, "merchant_changed"]);
  });

  test("without a signature is pinned all the same, and its key is added when it signs", async () => {
    expect(seen(await meet("signature-appears"))).toMatchObject({ pinned: "new", signed: false, note: "it does not sign its terms" });
    expect(documentAsked()).toBe(0);
    expect(seen(await meet("signature-appears"))).toMatchObject({ pinned: "key_added", signed: true });
    expect(seen(await meet("signature-appears"))).toMatchObject({ pinned: "known", signed: true });
  });

  test("by a quote, or in a dry run, is not pinned; a quote says what is known", async () => {
    expect((await run(["quote", merchant.at("signed")])).json.data["merchant"]).toBeUndefined();
    expect(seen(await meet("signed", "--dry-run"))).toMatchObject({ pinned: "new" });
    expect(await pins()).toEqual([]);
    await meet("payee-changes");
    expect((await run(["quote", merchant.at("payee-changes")])).json.data["merchant"]).toMatchObject({ signs: false, sameAccount: false });
  });

  test("after a long time is pinned anew, and it is said", async () => {
    await meet("payee-changes");
    later(PIN_SECONDS + 60);
    expect((await pins())[0]).toMatchObject({ expired: true });
    expect(seen(await meet("payee-changes"))).toMatchObject({ pinned: "renewed", payTo: OTHER_ACCOUNT });
    expect((await pins())[0]).toMatchObject({ expired: false, payTo: OTHER_ACCOUNT });
  });
});

describe("a merchant that changed", () => {
  test("its payee is refused, until the owner forgets it [pins-other-payee]", async () => {
    await meet("payee-changes");
    const changed = await refused("payee-changes", "merchant_changed", "payee");
    expect(changed.json.error.hint).toContain(`lez-agent-pay pins forget ${merchant.origin}`);
    expect(changed.json.next).toMatchObject({ argv: ["lez-agent-pay", "pins", "list"], by: "owner" });
    expect((await run(["pins", "forget", `${merchant.origin}/`])).json.data).toEqual({ origin: merchant.origin, known: true });
    expect(seen(await meet("payee-changes"))).toMatchObject({ pinned: "new" });
    expect((await run(["pins", "forget", "https://never.example"])).json.data["known"]).toBe(false);
    expect((await run(["pins", "forget", "shop"])).exit).toBe(EXIT.usage);
  });

  test("its key is taken where its document lists the old one beside the new one", async () => {
    await meet("key-changes");
    merchant.publish("overlap");
    expect(seen(await meet("key-changes"))).toMatchObject({ pinned: "key_rotated", signed: true, publicKey: SECOND_KEY.publicKey });
    expect(await pins()).toMatchObject([{ publicKey: SECOND_KEY.publicKey }]);
    merchant.publish("replaced");
    expect(seen(await meet("key-changes"))).toMatchObject({ pinned: "known" });
  });

  test.each<[DocumentName, boolean]>([
    ["replaced", false],
    ["honest", false],
    ["missing", false],
    ["closes", true],
    ["redirect", false],
  ])("its key is refused where its document is %s", async (document, retryable) => {
    await meet("key-changes");
    merchant.publish(document);
    const changed = await refused("key-changes", "merchant_changed", "key");
    expect(changed.json.error.retryable).toBe(retryable);
  });

  test("from signing to not signing is refused", async () => {
    await meet("signature-vanishes");
    await refused("signature-vanishes", "merchant_changed", "signature");
  });

  test("on a machine that changed its memory: a pin that cannot be read is not the same as none", async () => {
    await meet("signed");
    const folder = path.join(directory(), "pins");
    const [file = ""] = readdirSync(folder);
    writeFileSync(path.join(folder, file), readFileSync(path.join(folder, file), "utf8").replace("http:", "https:"), { mode: 0o600 });
    expect((await meet("signed")).json.error.code).toBe("invalid_file");
    writeFileSync(path.join(folder, file), "{}", { mode: 0o600 });
    expect((await meet("signed")).json.error.code).toBe("invalid_file");
    expect((await run(["pins", "forget", merchant.origin, "--dry-run"])).json.data["known"]).toBe(true);
    expect((await run(["pins", "forget", merchant.origin])).json.data["known"]).toBe(true);
    expect((await meet("signed")).exit).toBe(EXIT.ok);
  });
});

test("a pin that cannot be read is named, and so is the way out", async () => {
  await meet("signed");
  const folder = path.join(directory(), "pins");
  const [name = ""] = readdirSync(folder);
  const file = path.join(folder, name);
  const unreadable = async () => (await run(["pins", "list"])).json.data["unreadable"] as { problem: string; fix: string }[];
  writeFileSync(file, `${readFileSync(file, "utf8")}rubbish`, { mode: 0o600 });
  expect(await unreadable()).toEqual([
    { file, problem: expect.stringContaining(file) as string, fix: `lez-agent-pay pins forget ${merchant.origin}` },
  ]);
  expect((await run(["pins", "list"], true)).stdout).toContain(`  lez-agent-pay pins forget ${merchant.origin}\n`);
  expect((await meet("signed")).json.error.hint).toContain(`lez-agent-pay pins forget ${merchant.origin}`);
  writeFileSync(file, "rubbish", { mode: 0o600 });
  expect(await unreadable()).toMatchObject([{ fix: `rm ${file}` }]);
});

describe("a signature", () => {
  test.each<[TrickName]>([["signed-price"], ["signed-payee"], ["signed-resource"], ["signed-long-ago"], ["signed-falsely"]])(
    "that is not the offer's own, %s, is refused from the first time on [pins-wrong-signature]",
    async (trick) => {
      await refused(trick, "terms_differ");
    },
  );

  test("with another host's key counts as none", async () => {
    expect(seen(await meet("signed-elsewhere"))).toMatchObject({ pinned: "new", signed: false });
    expect(documentAsked()).toBe(0);
  });
});

describe("a key document", () => {
  test.each<[DocumentName, RegExp]>([
    ["missing", /answers 404/],
    ["huge", /larger than/],
    ["silent", /no answer within/],
    ["closes", /closed/],
    ["redirect", /redirects/],
    ["not-json", /cannot be read/],
    ["deep", /cannot be read/],
    ["other-id", /about another host/],
    ["other-controller", /does not publish/],
    ["small-order", /does not publish/],
    ["many-keys", /cannot be read/],
    ["not-asserting", /does not publish/],
    ["replaced", /does not publish/],
  ])("that is %s makes a merchant an unsigned one, which is said, and hinders nothing [pins-unusable-document]", async (document, why) => {
    merchant.publish(document);
    const began = Date.now();
    const met = await meet("signed");
    expect(met.exit, met.stdout).toBe(EXIT.ok);
    expect(seen(met)).toMatchObject({ pinned: "new", signed: false, note: expect.stringMatching(why) });
    expect(Date.now() - began).toBeLessThan((DID_TIMEOUT_SECONDS + 2) * 1000);
    expect(merchant.seen.filter(({ at }) => at === "elsewhere")).toEqual([]);
  });
});

describe("the owner's screen", () => {
  const screen = async (trick: TrickName) => {
    const [made] = ((await run(["request", "list"])).json.data["requests"] as { shortCode: string; url: string }[]).filter(({ url }) =>
      url.endsWith(trick),
    );
    const shown = await run(["approve", made?.shortCode ?? "", "--owner-file", "./owner.json", "--dry-run", "--offline"]);
    return shown.stderr.replaceAll(/\s+/g, " ");
  };

  test("says that a host was never paid, however often the agent asks, and whether it signs", async () => {
    await meet("signed");
    later(60);
    await meet("signed");
    const shown = await screen("signed");
    expect(shown).toContain("! You never approved a payment to this host.");
    expect(shown).toMatch(/Merchant first seen \S+; signs its terms with [0-9a-f]{16}…/);
  });

  test("warns of a new key", async () => {
    await meet("key-changes");
    merchant.publish("overlap");
    later(60);
    await meet("key-changes");
    const shown = await screen("key-changes");
    expect(shown).toContain("! This merchant signs its terms with a NEW KEY.");
  });

  test("warns of a new key until the owner has approved something with it", async () => {
    const decide = async (digest: unknown, ...words: string[]) =>
      run(["approve", String(digest), "--owner-file", "./owner.json", "--offline", "--confirm", String(digest), ...words]);
    await decide((await meet("key-changes")).json.data["requestDigest"]);
    merchant.publish("overlap");
    later(60);
    await meet("key-changes"); // its result does not matter
    later(120);
    const { requestDigest } = (await meet("key-changes")).json.data;
    expect((await decide(requestDigest, "--dry-run")).stderr).toContain("NEW KEY");
    expect((await decide(requestDigest)).exit).toBe(EXIT.ok);
    later(180);
    const next = (await meet("key-changes")).json.data["requestDigest"];
    expect((await decide(next, "--dry-run")).stderr).not.toContain("NEW KEY");
  });

  test("warns where the request would pay another account than the one that is known", async () => {
    await meet("payee-changes");
    await run(["pins", "forget", merchant.origin]);
    await meet("payee-changes"); // the other account is pinned now; the first request is still there
    const requests = (await run(["request", "list"])).json.data["requests"] as { shortCode: string; payTo: string }[];
    const first = requests.find(({ payTo }) => payTo === DEMO_MERCHANT_ACCOUNT);
    const shown = await run(["approve", first?.shortCode ?? "", "--owner-file", "./owner.json", "--dry-run", "--offline"]);
    expect(shown.stderr.replaceAll(/\s+/g, " ")).toContain("known under ANOTHER ACCOUNT");
  });

  test("on a machine of its own knows nothing, until the merchant is asked; a yes remembers it", async () => {
    const made = await run([
      "request",
      "create",
      merchant.at("signed"),
      "--reason",
      REASON,
      "--agent-file",
      "./agent.json",
      "--out",
      "./carried.json",
    ]);
    const digest = made.json.data["requestDigest"] as string;
    home++;
    const approve = (...words: string[]) =>
      run(["approve", "--request-file", "./carried.json", "--owner-file", "./owner.json", "--out", "./signed.json", "--force", ...words]);
    expect((await approve("--dry-run", "--offline")).stderr).toContain("not known here");
    expect(await pins()).toEqual([]);
    expect((await approve("--check-terms", "--confirm", digest)).exit).toBe(EXIT.ok);
    expect(await pins()).toMatchObject([{ publicKey: FIRST_KEY.publicKey }]);
  });
});

test("of two first visits at once one is remembered, and the other is told to look again", async () => {
  const context = contextOf();
  const now = formatTimestamp(unixNow());
  const pin = { origin: "https://shop.example", payTo: DEMO_MERCHANT_ACCOUNT, firstSeenAt: now, lastSeenAt: now };
  expect(await writePin(context, pin, undefined)).toMatchObject({ ok: true });
  const other = { ...pin, payTo: OTHER_ACCOUNT as AccountId };
  expect(await writePin(context, other, undefined)).toMatchObject({ ok: false, error: { code: "busy" } });
  expect(pinOf(context, pin.origin, NETWORK)).toMatchObject({ data: { payTo: DEMO_MERCHANT_ACCOUNT } });
});

test("each money has an account of its own, and one key vouches for all of them [pins-two-moneys]", async () => {
  const before = seen(await meet("signature-vanishes"));
  const [known] = await pins();
  const chain = { ...known, network: "lez:devnet", payTo: OTHER_ACCOUNT };
  expect(before["pinned"]).toBe("new");
  const at = (network: string) => pinOf(contextOf(), merchant.origin, network);
  const ofLedger = at(NETWORK);
  if (!ofLedger.ok || !ofLedger.data) throw new Error("there is no pin");
  expect(at("lez:devnet")).toEqual({ ok: true, data: undefined });
  const ofChain = { ...ofLedger.data, network: "lez:devnet" as const, payTo: OTHER_ACCOUNT as AccountId };
  expect(await writePin(contextOf(), ofChain, undefined)).toMatchObject({ ok: true });
  expect(await pins()).toContainEqual(chain);
  expect(seen(await meet("signed"))).toMatchObject({ pinned: "known", payTo: DEMO_MERCHANT_ACCOUNT });
  // The ledger's pin alone is lost: the chain's still says which key signs here.
  const [file] = readdirSync(path.join(directory(), "pins")).filter((name) => name === `${bodyDigest(utf8(merchant.origin))}.json`);
  rmSync(path.join(directory(), "pins", file ?? ""));
  expect((await meet("signature-vanishes")).json.error).toMatchObject({ code: "merchant_changed", details: { changed: "signature" } });
  expect(at(NETWORK)).toEqual({ ok: true, data: undefined });
  expect(seen(await meet("signed"))).toMatchObject({ pinned: "account_added", firstSeenAt: before["firstSeenAt"] });
  expect((await run(["pins", "forget", merchant.origin])).json.data["known"]).toBe(true);
  expect(await pins()).toEqual([]);
});

test("among too many merchants only the least recently seen makes room", async () => {
  await pins(); // makes the directory
  const pin = (n: number) => {
    const at = formatTimestamp(unixNow() - n);
    return { origin: `https://${n}.example`, payTo: DEMO_MERCHANT_ACCOUNT, firstSeenAt: at, lastSeenAt: at };
  };
  for (let n = 1; n <= MAX_PINS; n++) {
    const file = path.join(directory(), "pins", `${bodyDigest(utf8(pin(n).origin))}.json`);
    writeFileSync(file, JSON.stringify(pin(n)), { mode: 0o600 });
  }
  await meet("signed");
  const origins = (await pins()).map(({ origin }) => origin);
  expect(origins).toHaveLength(MAX_PINS);
  expect(origins).toEqual(expect.arrayContaining([merchant.origin, pin(1).origin, pin(MAX_PINS - 1).origin]));
  expect(origins).not.toContain(pin(MAX_PINS).origin);
});
