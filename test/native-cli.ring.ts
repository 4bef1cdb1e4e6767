/** Payments on the chain itself by the command line: asked for, read, signed, settled by blocks, taken back. */

import { beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, type Run, sandbox } from "../agent-cli/testing/cli.ts";
import { NATIVE_CONTENT, nativeWorld, type NativeWorld } from "../agent-cli/testing/native-world.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import { NETWORK } from "../shared/lez.ts";

const box = sandbox();
let world: NativeWorld;
let account: string;
const WIDE = { env: { COLUMNS: "160" } };

beforeAll(async () => {
  box.write("secret.txt", `${PASSPHRASE}\n`);
  const owner = await box.run("owner create --kind lez --passphrase-file ./secret.txt");
  account = String(owner.json.data["account"]);
  expect((await box.run("agent create")).exit).toBe(EXIT.ok);
  world = await nativeWorld([{ account, lepta: 1_000_000_000n }]);
  box.write("home/config.json", { sequencers: { "lez:devnet": world.sequencer }, facilitatorUrl: world.origin });
});

interface Asked {
  code: string;
  digest: string;
}

async function ask(path = "", reason = REASON): Promise<Asked> {
  const made = await box.run(["request", "create", `${world.url}${path}`, "--reason", reason, "--inbox"]);
  expect(made.exit, made.stdout).toBe(EXIT.ok);
  const { shortCode: code, requestDigest: digest } = made.json.data as { shortCode: string; requestDigest: string };
  return { code, digest };
}

const approve = ({ code, digest }: Asked, ...words: string[]): Promise<Run> =>
  box.run(["approve", code, "--confirm", digest, "--passphrase-file", "./secret.txt", ...words], WIDE);

/** Mines a block each time that the merchant says "pending". */
async function mining<Result>(work: Promise<Result>): Promise<Result> {
  const clock = setInterval(() => world.mine(), 200);
  return work.finally(() => clearInterval(clock));
}

test("asked, read, signed at a terminal, settled by a block, and given: one payment, whose fee was shown [native-cli-buy]", async () => {
  const asked = await ask();
  const terminal = box.terminal(["approve", asked.code, "--passphrase-file", "./secret.txt"], { cols: 160 });
  await terminal.answer("Pay 0.00001 LGO to", "y");
  expect(await terminal.exit).toBe(EXIT.ok);
  expect(terminal.text).toContain("NATIVE LEZ TRANSFER (TEST)");
  expect(terminal.text).toMatch(/Fee +at most 0\.000026712 LGO = 26712 lepta; about 2968 at today's price/);
  expect(terminal.text).toMatch(/nonce 0, read at block/);
  const before = world.chain.account(account as never).balance;
  const paid = await mining(box.run(["pay", asked.code]));
  expect(paid.exit, paid.stdout).toBe(EXIT.ok);
  expect(paid.json.data).toMatchObject({ receipt: { network: "lez:devnet", payer: account, payee: world.seller.account } });
  expect(paid.stdout).toContain(NATIVE_CONTENT);
  expect(before - world.chain.account(account as never).balance).toBe(10_000n + 2968n);
  const status = await box.run(["status", asked.code]);
  expect(status.json.data).toMatchObject({ conclusion: "paid", payer: account, nonce: "0", network: "lez:devnet" });
  const doctor = await box.run("doctor");
  const checks = (doctor.json.data?.["checks"] ?? doctor.json.error.details?.["checks"]) as { check: string }[];
  expect(checks.find(({ check }) => check === "ledger")).toEqual({ check: "ledger", verdict: "good", detail: "ab".repeat(32) });
});

test("what proves it: signatures and the chain's block in receipt show, no file to export, sums of its own [native-cli-evidence]", async () => {
  const paidThere = async () => {
    const { chains } = (await box.run("spending")).json.data as { chains: { payments: number }[] };
    return chains[0]?.payments ?? 0;
  };
  const before = await paidThere();
  const asked = await ask("?evidence");
  const dry = await approve(asked, "--dry-run");
  expect(dry.json.data).toMatchObject({ network: "lez:devnet", maxFee: { amount: "26712" } });
  expect((await approve(asked)).exit).toBe(EXIT.ok);
  expect((await mining(box.run(["pay", asked.code]))).exit).toBe(EXIT.ok);
  const verdicts = ({ json }: Run) => {
    const { points } = (json.ok ? json.data["report"] : json.error.details) as { points: { id: string; verdict: string }[] };
    return new Map(points.map(({ id, verdict }) => [id, verdict]));
  };
  const shown = await box.run(["receipt", "show", asked.code]);
  expect(shown.json.data).toMatchObject({
    stated: { fits: true, network: "lez:devnet" },
    chain: { network: "lez:devnet", ledger: world.chain.genesis, final: false, block: expect.stringMatching(/^\d+$/) as string },
  });
  const points = verdicts(shown);
  for (const id of ["request.agent", "request.approved", "request.terms", "payment.signature", "payment.terms", "chain.transaction"])
    expect([id, points.get(id)]).toEqual([id, "pass"]);
  expect([points.get("chain.final"), points.get("chain.moved")]).toEqual(["warn", "unchecked"]);
  for (let blocks = 0; blocks < 11; blocks++) world.mine();
  expect(verdicts(await box.run(["receipt", "show", asked.code])).get("chain.final")).toBe("pass");

  const exported = await box.run(["receipt", "export", asked.code]);
  expect(exported.json.error).toMatchObject({ code: "unsupported", details: { network: "lez:devnet", ledger: world.chain.genesis } });
  expect(exported.json.next?.argv).toEqual(["lez-agent-pay", "receipt", "show", asked.code]);
  expect(await paidThere()).toBe(before + 1);
  const audited = await box.run("audit verify");
  expect(audited.json.data, audited.stdout).toMatchObject({ checked: before + 1, unchecked: 0 });
  expect(audited.json.data).not.toHaveProperty("notAsked");

  // Without its sequencer what was signed is checked, and the chain is not. On a chain that does not have it, it differs.
  world.behaviour.isSilent = true;
  const silent = await box.run(["receipt", "show", asked.code]);
  world.behaviour.isSilent = false;
  expect([silent.exit, verdicts(silent).get("payment.signature"), verdicts(silent).get("chain.transaction")]).toEqual([
    EXIT.ok,
    "pass",
    "unchecked",
  ]);
  world.behaviour.forgets = true;
  const gone = await box.run(["receipt", "show", asked.code]);
  world.behaviour.forgets = false;
  expect([gone.exit, verdicts(gone).get("chain.transaction")]).toEqual([EXIT.differs, "fail"]);
});

test("a process that dies while it waits for the chain has paid once, and the next one gets the goods [native-cli-killed]", async () => {
  const asked = await ask("?killed");
  expect((await approve(asked)).exit).toBe(EXIT.ok);
  const sold = world.sold();
  const stop = new AbortController();
  const stopped = box.run(["pay", asked.code], { signal: stop.signal });
  await expect.poll(() => world.chain.waiting).toBe(1);
  stop.abort();
  expect((await stopped).exit).not.toBe(EXIT.ok);
  const resumed = await mining(box.run(["fetch", "--resume", asked.code]));
  expect(resumed.exit, resumed.stdout).toBe(EXIT.ok);
  expect(world.sold()).toBe(sold + 1);
});

test("without a block `pay --wait` ends with the transaction, and is outcome unknown [native-cli-pending]", async () => {
  const asked = await ask("?pending");
  expect((await approve(asked)).exit).toBe(EXIT.ok);
  const pending = await box.run(["pay", asked.code, "--wait", "1"]);
  expect((await box.run(["receipt", "show", asked.code])).json.error.code).toBe("outcome_unknown");
  expect(pending.exit).toBe(EXIT.outcomeUnknown);
  expect(pending.json.error).toMatchObject({ code: "outcome_unknown", retryable: true, details: { pending: true } });
  expect(pending.json.error.details?.["transaction"]).toMatch(/^[0-9a-f]{64}$/);
  expect((await box.run(["status", asked.code])).json.data).toMatchObject({ conclusion: "open" });
  expect((await mining(box.run(["pay", asked.code]))).exit).toBe(EXIT.ok);
});

describe("one nonce", () => {
  test("is given to one request; a declined one leaves it to the next, and the screen says so [native-cli-nonce-reused]", async () => {
    const [first, second] = [await ask("?first"), await ask("?second")];
    expect((await approve(first)).exit).toBe(EXIT.ok);
    const busy = await approve(second);
    expect(busy.exit).toBe(EXIT.busy);
    expect(busy.json.error.code).toBe("payer_busy");
    expect(busy.json.error.message).toContain(first.code);
    expect((await box.run(["decline", first.code, "--code", "not_needed"])).exit).toBe(EXIT.ok);
    const reused = await approve(second);
    expect(reused.exit, reused.stdout).toBe(EXIT.ok);
    expect(reused.stderr).toContain(`was given to request ${first.code}, which you declined`);
    expect((await mining(box.run(["pay", second.code]))).exit).toBe(EXIT.ok);
  });

  test("is given back by a revocation before anything has left; the payment is refused from then on [native-cli-revoked]", async () => {
    const asked = await ask("?revoked");
    expect((await approve(asked)).exit).toBe(EXIT.ok);
    const revoked = await box.run(["revoke", asked.code, "--code", "wrong_payee", "--passphrase-file", "./secret.txt"]);
    expect(revoked.exit, revoked.stdout).toBe(EXIT.ok);
    expect(revoked.json.data).toMatchObject({ cancelled: true, payer: account });
    expect((await box.run(["pay", asked.code])).json.error.code).toBe("payment_revoked");
    expect(world.chain.waiting).toBe(0);
  });

  test("that has left is not called back: revoke says so, and --burn uses it up [native-cli-burn]", async () => {
    const asked = await ask("?burnt");
    expect((await approve(asked)).exit).toBe(EXIT.ok);
    await box.run(["pay", asked.code, "--wait", "1"]);
    const words = ["revoke", asked.code, "--code", "wrong_payee", "--passphrase-file", "./secret.txt"];
    const late = await box.run(words);
    expect(late.exit).toBe(EXIT.outcomeUnknown);
    expect(late.json.error.message).toContain("can no longer be called back");
    expect(late.json.next?.argv).toContain("--burn");
    expect((await box.run([...words, "--burn"])).json.error.code).toBe("interaction_required");
    world.chain.restart(); // The mempool is gone, and with it the payment.
    const burnt = await box.run([...words, "--burn", "--confirm", asked.digest]);
    expect(burnt.exit, burnt.stdout).toBe(EXIT.ok);
    const { burn, nonce } = burnt.json.data as { burn: Digest; nonce: string };
    expect(burnt.stderr).toContain(`nonce ${nonce}`);
    const [paid, kept] = [world.chain.account(world.seller.account).balance, world.chain.account(account as never).balance];
    world.mine();
    expect(world.chain.transaction(burn)).toBeDefined();
    expect(world.chain.account(world.seller.account).balance).toBe(paid);
    expect(kept - world.chain.account(account as never).balance).toBe(2968n);
    expect((await box.run(["pay", asked.code])).json.error.code).toBe("payment_revoked");
    expect((await box.run([...words, "--burn", "--confirm", asked.digest])).json.error.code).toBe("nonce_replayed");
  });
});

test("in two moneys it is paid in the one whose key is here; with both keys the owner's agent says which [native-cli-money]", async () => {
  const mock = {
    scheme: "exact",
    network: "logos:lez-testnet",
    asset: "native",
    amount: "5",
    payTo: DEMO_MERCHANT_ACCOUNT as string,
    maxTimeoutSeconds: 900,
  };
  world.behaviour.accepts = [mock];
  expect((await box.run(["quote", world.url])).json.data).toMatchObject({ network: "lez:devnet", price: { amount: "10000" } });
  expect((await box.run(["quote", world.url, "--network", "logos:lez-testnet"])).json.data).toMatchObject({ price: { amount: "5" } });
  const elsewhere = await box.run(["quote", world.url, "--network", "lez:testnet"]);
  expect(elsewhere.exit).toBe(EXIT.unsupported);
  expect(elsewhere.json.error.message).toBe("The merchant sells nothing on lez:testnet.");
  expect(elsewhere.json.error.hint).toBe("What it offers here is paid on logos:lez-testnet, lez:devnet. Name one of them: --network");
  const session = await box.run(["fetch", `${world.url}?session`, "--reason", REASON, "--session", "1LGO"]);
  expect(session.json.error).toMatchObject({ code: "unsupported_scheme", message: expect.stringContaining("no sessions") as string });
  expect((await box.run(["fetch", `${world.url}?no-ask`, "--reason", REASON, "--no-ask"])).json.error.code).toBe("unsupported_scheme");
  await box.run("owner create --passphrase-file ./secret.txt");
  expect((await box.run(["quote", world.url])).json.error).toMatchObject({
    code: "usage",
    message: expect.stringContaining("several moneys") as string,
  });
  // The account of one money is not that of the other, and neither visit makes the other a fraud.
  const request = (network: string) => box.run(["request", "create", world.url, "--reason", REASON, "--inbox", "--network", network]);
  for (const network of ["lez:devnet", NETWORK, "lez:devnet", NETWORK]) expect((await request(network)).exit).toBe(EXIT.ok);
  const pins = (await box.run("pins list")).json.data["pins"] as { network: string; payTo: string }[];
  expect(Object.fromEntries(pins.map(({ network, payTo }) => [network, payTo]))).toEqual({
    "lez:devnet": world.seller.account,
    [NETWORK]: DEMO_MERCHANT_ACCOUNT,
  });
  world.behaviour.accepts = [];
});

test("a key of the mock signs no request of the chain, and the other way round [native-cli-other-key]", async () => {
  const asked = await ask("?other-key");
  const refused = await approve(asked, "--owner-file", "./home/owner.json");
  expect(refused.json.error).toMatchObject({ code: "wrong_role" });
});

test("balance and accounts read the chain: nonce, block and kind; an account without a trace is called that [native-cli-balance]", async () => {
  const held = await box.run("balance --network lez:devnet");
  expect(held.json.data).toMatchObject({ account, kind: "lez", used: true, nonce: expect.stringMatching(/^[1-9]$/) as string });
  const empty = await box.run(["balance", "--network", "lez:devnet", "--account", "11111111111111111111111111111112"], { terminal: true });
  expect(empty.stdout).toContain("never used, or not on this chain");
  const accounts = await box.run("accounts");
  expect(JSON.stringify(accounts.json.data)).toContain(account);
});

test("a network that has become another chain is refused, and its old key signs nothing there [native-cli-reset]", async () => {
  const asked = await ask("?reset");
  world.chain.reset();
  world.mine();
  const refused = await box.run("balance --network lez:devnet");
  expect(refused.json.error).toMatchObject({ code: "ledger_mismatch", hint: expect.stringContaining("make a new key") as string });
  expect((await approve(asked)).exit).toBe(EXIT.differs);
  expect((await box.run("pins forget lez:devnet")).json.data).toMatchObject({ known: true });
  const again = await ask("?after-reset");
  expect((await approve(again)).json.error).toMatchObject({
    code: "ledger_mismatch",
    message: expect.stringContaining("has signed on another chain") as string,
  });
});
