/** The owner's other commands (inbox, revocation, accounts, keys), and their effect on the agent. */

import { readFileSync, rmSync, statSync } from "node:fs";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { errorBody } from "../../shared/errors.ts";
import { approvalNonce } from "../../shared/protocol/authorization.ts";
import { type DecisionRecord, isGenuineDecision } from "../../shared/protocol/decision.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { LEDGER, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const { owner } = await people(box);
await box.run("doctor"); // makes the state directory
const configure = (config: object = {}) =>
  box.write("home/config.json", {
    facilitatorUrl: facilitator.url,
    ownerFile: "../owner.json",
    agentFile: "../agent.json",
    ...config,
  });
beforeEach(() => {
  merchant.reset();
  facilitator.settlement = { status: "unused" };
  facilitator.cancel = { status: 200, body: { success: true } };
  facilitator.ledger = LEDGER;
  facilitator.ahead = 0;
  facilitator.cancelled = [];
  configure();
});

let purchase = 0;
async function request(): Promise<{ code: string; digest: Digest }> {
  const made = await box.run(["request", "create", `${merchant.url}?${purchase++}`, "--reason", REASON, "--inbox"]);
  expect(made.exit).toBe(EXIT.ok);
  return { code: made.json.data["shortCode"] as string, digest: made.json.data["requestDigest"] as Digest };
}
const approve = (code: string, ...words: string[]) => approveAsRead(box, code, ...words);
const show = async (code: string) => (await box.run(["request", "show", code])).json.data["state"] as string;

describe("the inbox", () => {
  test("has open requests, and with --all the decided ones", async () => {
    const { code } = await request();
    const { code: declined } = await request();
    await box.run(["decline", declined, "--code", "not_needed"]);
    const codes = async (...words: string[]) =>
      ((await box.run(["inbox", ...words])).json.data["requests"] as { shortCode: string }[]).map(({ shortCode }) => shortCode);
    expect(await codes()).toEqual([code]);
    expect((await codes("--all")).toSorted()).toEqual([code, declined].toSorted());
    expect((await box.run("inbox")).json.next).toMatchObject({ by: "owner", argv: ["lez-agent-pay", "approve", code] });
    expect((await box.run("inbox", { terminal: true })).stdout).toContain(`${code}  pending`);
    expect(statSync(box.path("home/inbox")).mode & 0o777).toBe(0o700);
  });

  test("names unreadable files, wherever requests are listed, and shows the others", async () => {
    const { code } = await request();
    const { digest } = await request();
    const file = `home/inbox/${digest}.request.json`;
    const intact = readFileSync(box.path(file), "utf8");
    box.write(file, intact.slice(0, 100));
    for (const words of ["inbox", "request list"]) {
      const { requests, unreadable } = (await box.run(words)).json.data as { requests: { shortCode: string }[]; unreadable: string[] };
      expect(requests).toContainEqual(expect.objectContaining({ shortCode: code }));
      expect(unreadable).toEqual([expect.stringContaining(box.path(file))]);
      expect((await box.run(words, { terminal: true })).stdout.replaceAll("\n", "")).toContain("request.json");
    }
    const { checks } = (await box.run("doctor")).json.error.details as { checks: object[] };
    expect(checks).toContainEqual(
      expect.objectContaining({ check: "inbox", verdict: "bad", detail: expect.stringContaining(digest) as string }),
    );
    const id = (await box.run(["request", "show", code])).json.data["id"] as string;
    expect((await box.run(["request", "show", id])).exit).toBe(EXIT.ok);
    box.write(file, intact);
  });

  test("watched, shows every new request [inbox-watch]", async () => {
    const watching = box.run("inbox --watch");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { code } = await request();
    expect((await watching).json.data["requests"]).toMatchObject([{ shortCode: code, state: "pending" }]);
  });

  test("an approval leaves the payment there, private, and --dry-run leaves nothing", async () => {
    const { code, digest } = await request();
    const tried = await approve(code, "--dry-run");
    expect([tried.json.data["dryRun"], await show(code)]).toEqual([true, "pending"]);
    expect(tried.stderr).toContain(`PAYMENT REQUEST  ${code}`);
    const approved = await approve(code);
    expect(approved.json.data["file"]).toBe(box.path(`home/inbox/${digest}.payment.json`));
    expect(statSync(box.path(`home/inbox/${digest}.payment.json`)).mode & 0o777).toBe(0o600);
    expect(approved.json.next).toMatchObject({ by: "agent", argv: ["lez-agent-pay", "pay", code] });
  });

  test("a refusal or a revocation needs a code", async () => {
    const { code } = await request();
    const declined = await box.run(["decline", code]);
    expect([declined.exit, declined.json.error.code]).toEqual([EXIT.usage, "interaction_required"]);
    expect(declined.json.error.hint).toContain("--code, one of ");
    expect(await show(code)).toBe("pending");
    await approve(code);
    const revoked = await box.run(["revoke", code]);
    expect([revoked.exit, revoked.json.error.code, await show(code)]).toEqual([EXIT.usage, "interaction_required", "approved"]);
  });

  test("declining an approved request names revoke; declining an open one needs nothing more", async () => {
    const { code } = await request();
    await approve(code);
    facilitator.settlement = { status: "cancelled" };
    const declined = await box.run(["decline", code, "--code", "other"]);
    expect(declined.json.next).toMatchObject({ by: "owner", argv: ["lez-agent-pay", "revoke", code] });
    expect((await box.run([...(declined.json.next?.argv ?? []).slice(1), "--code", "other"])).exit).toBe(EXIT.ok);
    expect(await show(code)).toBe("revoked");
    const { code: refused } = await request();
    expect((await box.run(["decline", refused, "--code", "other"])).json.next).toBeUndefined();
  });

  test("a revocation after two approvals covers the longer one, too", async () => {
    const { code } = await request();
    await approve(code);
    await approve(code, "--expires-in", "1");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5000 });
    onTestFinished(() => void vi.useRealTimers());
    expect((await box.run(["decline", code, "--code", "other"])).json.next?.argv).toEqual(["lez-agent-pay", "revoke", code]);
  });

  test("a repeated refusal is the first one: its code and note stand, and nothing is asked or logged again [decline-said-again]", async () => {
    const { code, digest } = await request();
    await box.run(["decline", code, "--code", "too_expensive", "--note", "Half of that would do."]);
    const again = await box.run(["decline", code, "--code", "policy", "--note", "Never.", "--out", "./again.json"]);
    expect([again.exit, again.json.data["already"]]).toEqual([EXIT.ok, true]);
    expect(box.read("again.json")).toEqual(box.read(`home/inbox/${digest}.declined.json`));
    expect(box.read("again.json")).toMatchObject({ decision: { code: "too_expensive", note: "Half of that would do." } });
    expect((await box.run(["decline", code], { terminal: true })).stdout).toMatch(/^Declined before, at [^]*Half of that would do\./);
    const { entries } = (await box.run("audit list")).json.data as { entries: { event: string; facts: Record<string, string> }[] };
    expect(entries.filter(({ event, facts }) => event === "declined" && facts["requestDigest"] === digest)).toHaveLength(1);
    rmSync(box.path(`home/inbox/${digest}.declined.json`));
    await box.run(["decline", code]);
    expect(box.read(`home/inbox/${digest}.declined.json`)).toEqual(box.read("again.json"));
  });

  test("a request is named once, by code or by file", async () => {
    expect((await box.run("approve")).exit).toBe(EXIT.usage);
    expect((await box.run("approve AAAA-AAAA --request-file ./x.json")).exit).toBe(EXIT.usage);
  });
});

describe("revoking", () => {
  test("signs a decision, has the ledger consume the nonce, and verifies that it did [revoke-consumes-nonce]", async () => {
    const { code, digest } = await request();
    await approve(code);
    facilitator.settlement = { status: "cancelled" };
    const revoked = await box.run(["revoke", code, "--code", "wrong_payee", "--note", "Not this shop."]);
    expect(revoked.json.data).toMatchObject({ nonce: approvalNonce(owner.account, digest), payer: owner.account, ledger: LEDGER });
    const [record] = facilitator.cancelled as [DecisionRecord];
    expect(record).toMatchObject({ signed: true, publicKey: owner.publicKey, decision: { decision: "revoked", requestDigest: digest } });
    expect(await isGenuineDecision(record)).toBe(true);
    for (const run of [await box.run(["pay", code]), await box.run(["fetch", "--resume", code])]) {
      expect([run.exit, run.json.error.code]).toEqual([EXIT.declined, "payment_revoked"]);
      expect(run.json.error.message).toContain("Not this shop.");
    }
    expect(merchant.presented).toEqual([]);
    expect((await approve(code)).exit).toBe(EXIT.declined);
  });

  test("a broken audit log does not keep its owner from it", async () => {
    const { code, digest } = await request();
    await approve(code);
    const log = readFileSync(box.path("home/audit.jsonl"), "utf8");
    onTestFinished(() => void box.write("home/audit.jsonl", log));
    box.write("home/audit.jsonl", `${log}broken\n`);
    facilitator.settlement = { status: "cancelled" };
    const revoked = await box.run(["revoke", code, "--code", "wrong_payee"]);
    expect([revoked.exit, revoked.json.data]).toMatchObject([EXIT.ok, { requestDigest: digest, ledger: LEDGER }]);
    expect(revoked.stderr).toContain("It is revoked, and was not recorded here");
    expect(facilitator.cancelled).toHaveLength(1);
  });

  test("a second time asks the ledger again, and leaves the first decision as it is", async () => {
    const { code, digest } = await request();
    await approve(code);
    facilitator.settlement = { status: "cancelled" };
    await box.run(["revoke", code, "--code", "wrong_payee", "--note", "Not this shop."]);
    const again = await box.run(["revoke", code, "--code", "other"]);
    expect([again.exit, again.json.data["already"], facilitator.cancelled.length]).toEqual([EXIT.ok, true, 2]);
    expect(facilitator.cancelled[1]).toEqual(facilitator.cancelled[0]);
    expect(box.read(`home/inbox/${digest}.revoked.json`)).toEqual(facilitator.cancelled[0]);
  });

  test.each<[string, () => void, number, string]>([
    [
      "a facilitator that cannot",
      () => (facilitator.cancel = { status: 404, body: errorBody("not_found") }),
      EXIT.unsupported,
      "unsupported",
    ],
    [
      "a payment that is made already",
      () => (facilitator.cancel = { status: 402, body: errorBody("nonce_replayed") }),
      EXIT.paymentRejected,
      "nonce_replayed",
    ],
    [
      "a payment that is being made",
      () => (facilitator.cancel = { status: 409, body: errorBody("payment_in_progress") }),
      EXIT.busy,
      "payment_in_progress",
    ],
    [
      "an account without money",
      () => (facilitator.cancel = { status: 402, body: errorBody("insufficient_funds") }),
      EXIT.paymentRejected,
      "insufficient_funds",
    ],
    ["a yes that did nothing", () => (facilitator.settlement = { status: "unused" }), EXIT.outcomeUnknown, "outcome_unknown"],
    [
      "another ledger's yes",
      () => {
        facilitator.settlement = { status: "cancelled" };
        facilitator.ledger = "ab".repeat(32);
      },
      EXIT.outcomeUnknown,
      "outcome_unknown",
    ],
  ])("does not claim success over %s [revoke-never-claims]", async (_, arrange, exit, error) => {
    const { code } = await request();
    await approve(code);
    arrange();
    const run = await box.run(["revoke", code, "--code", "other"]);
    expect([run.exit, run.json.error.code]).toEqual([exit, error]);
    expect(await show(code)).toBe("approved");
  });

  test("says of an account without money how long the approval stands, and what not to do [revoke-never-funded]", async () => {
    const { code } = await request();
    await approve(code);
    facilitator.cancel = { status: 402, body: errorBody("insufficient_funds") };
    const { error } = (await box.run(["revoke", code, "--code", "other"])).json;
    expect(error.message).toMatch(/^The approval stands until \d{4}-\d\d-\d\dT[\d:]+Z: this account has never held money on the ledger\.$/);
    expect(error.hint).toMatch(/^Put no money into the account until then/);
  });

  test("needs an approval by this very key", async () => {
    const { code } = await request();
    expect((await box.run(["revoke", code])).exit).toBe(EXIT.usage);
    await approve(code);
    await box.run("owner create --out ./other.json --insecure-plaintext --force");
    expect((await box.run(["revoke", code, "--owner-file", box.path("other.json")])).exit).toBe(EXIT.usage);
    expect(facilitator.cancelled).toEqual([]);
  });
});

test("the audit log holds a purchase from beginning to end, and can be compared with the ledger [audit-log-whole-purchase]", async () => {
  const { code, digest } = await request();
  await approve(code);
  await box.run(["pay", code]);
  const { entries } = (await box.run("audit list --last 1000")).json.data as {
    entries: { event: string; facts: Record<string, string> }[];
  };
  const told = entries.filter(({ facts }) => facts["requestDigest"] === digest);
  expect(told.map(({ event }) => event)).toEqual(["requested", "shown", "approved", "sent", "settled"]);
  const { transaction, nonce = "" } = told.at(-1)?.facts ?? {};
  facilitator.settlement = { status: "cancelled" }; // what other tests revoked
  facilitator.settlements = { [nonce]: { status: "settled", transaction } };
  expect((await box.run("audit verify")).json.data).toMatchObject({ unchecked: 0 });
  facilitator.settlements = { [nonce]: { status: "expired" } };
  const differs = await box.run("audit verify");
  expect([differs.exit, differs.json.error.message]).toEqual([
    EXIT.differs,
    expect.stringContaining("says settled, the ledger says expired"),
  ]);
  facilitator.ledger = "ab".repeat(32);
  expect((await box.run("audit verify")).json.data).toMatchObject({ checked: 0 });
  const alone = await box.run("audit verify --facilitator-url http://127.0.0.1:1");
  expect(alone.json.data).toMatchObject({ checked: 0, notAsked: expect.stringContaining("could not be reached") as string });
  expect(readFileSync(box.path("home/audit.jsonl"), "utf8")).not.toMatch(/signature|secretKey/);
});

describe("accounts and keys", () => {
  const sealed = async (file: string) => {
    box.write("secret.txt", PASSPHRASE);
    rmSync(box.path(file), { force: true });
    await box.run(["owner", "create", "--out", box.path(file), "--passphrase-file", box.path("secret.txt")]);
  };

  test("no command's output replaces a sealed owner's key, forced or not", async () => {
    await sealed("precious.json");
    await sealed("other.json");
    const before = readFileSync(box.path("precious.json"), "utf8");
    const words = ["--out", box.path("precious.json")];
    for (const command of [
      ["owner", "create", "--passphrase-file", box.path("secret.txt"), "--force"],
      ["agent", "create"],
      ["audit", "export", "--force"],
      ["http", "get", "--url", "http://127.0.0.1:1/page"],
      ["fetch", "http://127.0.0.1:1/page"],
      ["key", "backup", "--owner-file", box.path("other.json"), "--passphrase-file", box.path("secret.txt"), "--force"],
    ]) {
      const run = await box.run([...command, ...words]);
      expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "file_exists"]);
      expect(run.json.error.hint).not.toContain("--force");
    }
    expect(readFileSync(box.path("precious.json"), "utf8")).toBe(before);
  });

  test("accounts have balances, or the reason why not", async () => {
    expect((await box.run("accounts")).json.data["accounts"]).toMatchObject([
      { account: owner.account, sealed: false, balance: { spendable: { display: "0.001 LGO" } } },
    ]);
    const gone = await box.run("accounts --facilitator-url http://127.0.0.1:1");
    expect(gone.json.data["accounts"]).toMatchObject([{ problem: expect.stringContaining("could not be reached") as string }]);
  });

  test("a grant whose answer is lost is asked for again by the key's holder", async () => {
    const lost = (...words: string[]) => box.run(["faucet", "--facilitator-url", "http://127.0.0.1:1", ...words]);
    expect((await lost()).json.next).toMatchObject({ by: "owner", argv: expect.arrayContaining(["faucet", "--id"]) as string[] });
    expect((await lost("--account", owner.account)).json.next).toMatchObject({ by: "agent" });
  });

  test("the passphrase of a key is changed, and the old one opens nothing any more [key-change-passphrase]", async () => {
    await sealed("sealed.json");
    box.write("new.txt", "another good passphrase");
    const account = box.read<{ account: string }>("sealed.json").account;
    const change = (old: string) =>
      box.run(`key change-passphrase --owner-file ./sealed.json --passphrase-file ./${old} --new-passphrase-file ./new.txt`);
    expect((await change("secret.txt")).json.data["account"]).toBe(account);
    const backup = (file: string) => box.run(`key backup --owner-file ./sealed.json --out ./copy.json --passphrase-file ./${file} --force`);
    expect((await backup("secret.txt")).exit).toBe(EXIT.keystoreLocked);
    expect((await backup("new.txt")).exit).toBe(EXIT.ok);
    expect((await backup("new.txt")).exit, "an older copy of the same key").toBe(EXIT.ok);
    expect(readFileSync(box.path("copy.json"), "utf8")).toBe(readFileSync(box.path("sealed.json"), "utf8"));
    expect(statSync(box.path("copy.json")).mode & 0o777).toBe(0o600);
    expect((await change("secret.txt")).exit).toBe(EXIT.keystoreLocked);
  });

  test("without a terminal, the error names the flag of the missing passphrase", async () => {
    await sealed("sealed.json");
    const change = (...words: string[]) => box.run(["key", "change-passphrase", "--owner-file", box.path("sealed.json"), ...words]);
    const old = await change();
    expect([old.exit, old.json.error.code]).toEqual([EXIT.keystoreLocked, "interaction_required"]);
    expect(old.json.error.hint).toContain("give --passphrase-file or --passphrase-fd");
    const fresh = await change("--passphrase-file", box.path("secret.txt"));
    expect([fresh.exit, fresh.json.error.code]).toEqual([EXIT.usage, "interaction_required"]);
    expect(fresh.json.error.hint).toContain("give --new-passphrase-file or --new-passphrase-fd");
  });

  test("a key that is not sealed is not copied, and can be sealed", async () => {
    expect((await box.run("key backup --out ./never.json")).exit).toBe(EXIT.usage);
    box.write("plain.json", box.read("owner.json"));
    box.write("new.txt", "another good passphrase");
    expect((await box.run("key change-passphrase --owner-file ./plain.json --new-passphrase-file ./new.txt")).exit).toBe(EXIT.ok);
    expect((await box.run("key show --owner-file ./plain.json")).json.data).toMatchObject({ account: owner.account, sealed: true });
  });

  test("no command prints a secret key [no-secret-printed]", async () => {
    const { secretKey } = box.read<{ secretKey: string }>("owner.json");
    for (const words of ["key show", "accounts", "whoami", "doctor", "audit list"])
      expect((await box.run(words)).stdout).not.toContain(secretKey);
  });
});

describe("the configuration", () => {
  test("names keys, facilitator, ledger and limits; environment and flags win", async () => {
    const asked = async (words: string[], env = {}) => (await box.run(["whoami", ...words], { env })).json.data["facilitator"] as string;
    const env = { LEZ_FACILITATOR_URL: "http://127.0.0.1:2" };
    expect(await asked([])).toBe(facilitator.url);
    expect(await asked([], env)).toBe("http://127.0.0.1:2");
    expect(await asked(["--facilitator-url", "http://127.0.0.1:3/"], env)).toBe("http://127.0.0.1:3");
  });

  test.each([
    ["an unknown key", { facilitator: "x" }],
    ["a minimum below the protocol's", { reasonMinimum: 31 }],
    ["a minimum above the strictest", { reasonMinimum: 101 }],
    ["a threshold that is no amount", { approvalThreshold: "1 LGO" }],
    ["a ledger that is none", { ledger: "testnet" }],
  ])("with %s is refused", async (_, config) => {
    configure(config);
    const run = await box.run("whoami");
    expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "invalid_file"]);
    expect(run.json.error.hint).toContain("facilitatorUrl, "); // a person writes it, and may edit it
  });

  test("that others can write is not trusted", async () => {
    box.write("home/config.json", "{}", 0o600);
    const { chmodSync } = await import("node:fs");
    chmodSync(box.path("home/config.json"), 0o666);
    expect((await box.run("whoami")).exit).toBe(EXIT.unsafePermissions);
    chmodSync(box.path("home/config.json"), 0o644);
    expect((await box.run("whoami --agent-file ./agent.json")).exit).toBe(EXIT.ok);
  });

  test("is never read from the current folder", async () => {
    const { configFile, userDirectory } = await import("../runtime/config.ts");
    const { isAbsolute } = await import("node:path");
    const at = (env: Record<string, string>) => ({ env, accountHome: "/home/bob" });
    expect(configFile(at({ XDG_CONFIG_HOME: "/etc/xdg" }))).toBe("/etc/xdg/lez-agent-pay/config.json");
    expect(configFile(at({ HOME: "/home/ann" }))).toBe("/home/ann/.config/lez-agent-pay/config.json");
    expect(configFile(at({ HOME: "/home/ann", LEZ_AGENT_PAY_HOME: "/srv/pay" }))).toBe("/srv/pay/config.json");
    for (const env of [{}, { HOME: "" }, { HOME: "." }]) expect(configFile(at(env))).toBe("/home/bob/.config/lez-agent-pay/config.json");
    const relative = at({ HOME: "/home/ann", XDG_CONFIG_HOME: ".config", XDG_STATE_HOME: ".state" });
    expect(isAbsolute(configFile(relative))).toBe(true);
    expect(isAbsolute(userDirectory(relative, "XDG_STATE_HOME", ".local/state"))).toBe(true);
  });

  test("lowers the threshold above which an owner types the amount", async () => {
    configure({ approvalThreshold: "9999" });
    const { code } = await request();
    expect((await approve(code, "--dry-run")).stderr).toContain("A large amount");
    for (const approvalThreshold of ["10000", "0.00001LGO"]) {
      configure({ approvalThreshold });
      expect((await approve(code, "--dry-run")).stderr).not.toContain("A large amount");
    }
  });
});

describe("doctor", () => {
  const verdicts = (checks: { check: string; verdict: string }[]) =>
    Object.fromEntries(checks.map(({ check, verdict }) => [check, verdict]));

  test("finds a complete set-up good", async () => {
    configure({ ledger: LEDGER });
    const run = await box.run("doctor");
    expect(run.exit).toBe(EXIT.ok);
    const { checks } = run.json.data as { checks: { check: string; verdict: string }[] };
    expect(new Set(Object.values(verdicts(checks)))).toEqual(new Set(["good", "note"])); // the owner's key is not sealed
  });

  test("finds a clock that is off, another ledger, a facilitator that is gone, and a key that is missing [doctor-findings]", async () => {
    configure({ ledger: "ab".repeat(32), agentFile: "nowhere.json" });
    facilitator.ahead = 120;
    const run = await box.run("doctor");
    expect([run.exit, run.json.error.code]).toEqual([EXIT.notSetUp, "not_set_up"]);
    const { checks } = run.json.error.details as { checks: { check: string; verdict: string }[] };
    expect(verdicts(checks)).toMatchObject({ clock: "bad", ledger: "bad", "agent key": "bad", facilitator: "good" });
    expect(run.json.next?.argv.slice(0, 3)).toEqual(["lez-agent-pay", "agent", "create"]);
    const gone = await box.run("doctor --facilitator-url http://127.0.0.1:1", { terminal: true });
    expect(gone.exit).toBe(EXIT.notSetUp);
    expect(gone.stdout).toContain("✗ facilitator");
  });

  test("takes a key of the chain itself for the owner's, and asks for no other [doctor-chain-key]", async () => {
    configure({ ownerFile: "nowhere.json" });
    expect((await box.run("doctor")).json.next?.argv.slice(0, 3)).toEqual(["lez-agent-pay", "owner", "create"]);
    box.write("secret.txt", "correct horse battery staple\n");
    expect((await box.run("owner create --kind lez --passphrase-file ./secret.txt")).exit).toBe(EXIT.ok);
    const run = await box.run("doctor");
    const { checks } = run.json.data as { checks: { check: string; verdict: string; detail: string }[] };
    const said = checks.find(({ check }) => check === "owner key");
    expect([run.exit, said?.verdict, run.json.next]).toEqual([EXIT.ok, "good", undefined]);
    expect(said?.detail).toContain("a key of the chain itself; none of the mock ledger");
  });
});
