/** Deployed: every command of agents, owners and operators once against https origins, and certificates that are not good. */

import { once } from "node:events";
import { copyFileSync } from "node:fs";
import * as http2 from "node:http2";
import { connect as connectTls } from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { parseArgv } from "../../agent-cli/command-line/argv.ts";
import { createKeyFile } from "../../agent-cli/keys/key-file.ts";
import { PROGRAM } from "../../agent-cli/registry.ts";
import { EXIT, type ExitCode } from "../../agent-cli/runtime/exit-codes.ts";
import {
  type CommandLine,
  PASSPHRASE,
  REASON,
  type Run,
  type Sandbox,
  sandbox,
  type Terminal,
  wordsOf,
} from "../../agent-cli/testing/cli.ts";
import { startDesk } from "../../agent-cli/testing/desk.ts";
import { startMcp } from "../../agent-cli/testing/mcp.ts";
import { bytesToHex, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_MERCHANT_SECRET_KEY } from "../../shared/demo.ts";
import { signElsewhereText } from "../../shared/desk/sign-elsewhere.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type Mandate, mandateDigest } from "../../shared/protocol/mandate.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { AUTHORITY } from "./certificates.ts";
import { deployed, FACILITATOR, SHOP } from "./deployment.ts";

const OPERATOR_KEY = "operator-of-this-test";
const PREMIUM = `${SHOP}/premium`;
const world = await deployed(bodyDigest(utf8(OPERATOR_KEY)));
/** What the operator deploys to restore the ledger. */
const next = await deployed(bodyDigest(utf8(OPERATOR_KEY)), "restored");
afterAll(async () => {
  await world.stop();
  await next.stop();
});

/** One machine, as its user has set it up. */
function machine(): Sandbox {
  const box = sandbox();
  const authority = box.write("authority.pem", AUTHORITY);
  Object.assign(box.env, { HTTPS_PROXY: world.proxy, SSL_CERT_FILE: authority, LEZ_FACILITATOR_URL: FACILITATOR });
  box.write("secret.txt", PASSPHRASE);
  box.write("operator.key", OPERATOR_KEY);
  return box;
}

const exercised = new Set<string>();
/** Of a merchant that sells on the chain itself. */
const NATIVE_OFFER = {
  scheme: "exact",
  network: "lez:devnet",
  asset: "native",
  amount: "10000",
  payTo: "7ha43q8RtdaVXjkH6s94YE8WSxsChXnFQaPJY8tRJozR",
  maxTimeoutSeconds: 900,
  extra: { assetTransferMethod: "transaction", ledger: "0".repeat(64), dialect: "v0.3", maxFee: "100000", finality: "head" },
};

/** Nothing that a user reads speaks of plain HTTP. */
function noted(command: CommandLine, said: string): void {
  const words = typeof command === "string" ? wordsOf(command) : command;
  const parse = parseArgv(words, PROGRAM);
  if (parse.kind === "run") exercised.add(parse.command.name);
  // Completions know every flag.
  if (words[0] !== "completions") expect(said, words.join(" ")).not.toMatch(/http:\/\/|allow-http|not encrypted/);
}

async function run(box: Sandbox, command: CommandLine, exit: ExitCode = EXIT.ok, env: Record<string, string> = {}): Promise<Run> {
  const ran = await box.run(command, { env });
  noted(command, ran.stdout + ran.stderr);
  expect(ran.exit, `${String(command)}\n${ran.stdout}${ran.stderr}`.slice(0, 800)).toBe(exit);
  return ran;
}

/** At a real terminal. */
async function type(box: Sandbox, command: CommandLine, answers: [question: string, keys: string][]): Promise<Terminal> {
  const terminal = box.terminal(command);
  for (const [question, keys] of answers) await terminal.answer(question, keys);
  expect(await terminal.exit, terminal.text).toBe(EXIT.ok);
  noted(command, terminal.text);
  return terminal;
}

const CHOOSE: [string, string][] = [
  ["Passphrase for the new owner key", `${PASSPHRASE}\r`],
  ["The same passphrase again", `${PASSPHRASE}\r`],
];
const APPROVE: [string, string][] = [
  ["Pay 0.00001 LGO to shop.example", "y"],
  ["Passphrase of", `${PASSPHRASE}\r`],
];

describe("one owner, one agent, one shop [https-every-command]", () => {
  const box = machine();
  let purchases = 0;
  const ask = async (...words: string[]) => {
    const made = await run(box, ["request", "create", `${PREMIUM}?${purchases++}`, "--reason", REASON, ...words]);
    return made.json.data as { shortCode: string; requestDigest: string };
  };
  const approve = (code: string, digest: string, ...words: string[]) =>
    run(box, ["approve", code, "--confirm", digest, "--passphrase-file", "./secret.txt", ...words]);

  test("sets up keys and money", async () => {
    await type(box, "owner create", CHOOSE);
    await run(box, 'agent create --name "Research agent"');
    expect((await run(box, "whoami")).json.data).toMatchObject({ facilitator: FACILITATOR });
    const { account } = (await run(box, "key show")).json.data as { account: string };
    await run(box, "key backup --out ./backup.json --passphrase-file ./secret.txt");
    await type(box, "key import --kind lez", [
      ["Secret key, 64 hex digits", `01${"11".repeat(31)}\r`],
      ["Is this the account that you expect?", "y"],
      ...CHOOSE,
    ]);
    await run(box, `ledger fund ${account} 1LGO --operator-key-file ./operator.key`);
    await run(box, "faucet");
    await run(box, "accounts");
    expect((await run(box, "balance")).json.data["spendable"]).toMatchObject({ display: "1.001 LGO" });
    const { terms } = (await run(box, `send ${DEMO_MERCHANT_ACCOUNT} 100 --id rent --dry-run`)).json.data as { terms: string };
    await run(box, `send ${DEMO_MERCHANT_ACCOUNT} 100 --id rent --confirm ${terms} --passphrase-file ./secret.txt`);
    const made = await run(box, `policy create --key ${account} --key ${DEMO_MERCHANT_ACCOUNT} --out ./recovery.json`);
    const { account: shared } = made.json.data as { account: string };
    await run(box, `ledger fund ${shared} 500 --operator-key-file ./operator.key`);
    const recovering = `recover ./recovery.json ${DEMO_MERCHANT_ACCOUNT} 500 --id all`;
    const read = (await run(box, `${recovering} --dry-run`)).json.data as { terms: string };
    const sent = await run(box, `${recovering} --confirm ${read.terms} --passphrase-file ./secret.txt`);
    expect(sent.json.data).toMatchObject({ from: shared, amount: { amount: "500" } });
    await run(box, "ledger audit --operator-key-file ./operator.key");
    await run(box, "ledger clock --operator-key-file ./operator.key");
    for (const word of ["list", "retry"]) await run(box, `webhooks ${word} --merchant-url ${SHOP} --operator-key-file ./operator.key`);
    await run(box, "config allow https://intranet.example --private");
    await run(box, `pair --desk ${SHOP} --owner ${account}`, EXIT.network); // a shop is no desk
    await run(box, "unpair", EXIT.notSetUp);
    await run(box, `desk sign-in ${"3f".repeat(32)} --desk ${SHOP} --passphrase-file ./secret.txt`);
    const pairing = { desk: SHOP, account: account as AccountId, agent: "3f".repeat(32), secret: "0f".repeat(16) };
    await run(box, `desk sign ${signElsewhereText({ type: "Pairing", object: pairing })} --desk ${SHOP} --passphrase-file ./secret.txt`);
    await run(box, "completions bash");
    await run(box, "doctor");
    box.write("offer.json", NATIVE_OFFER);
    await run(box, "lez sign ./offer.json --out ./native.json", EXIT.notSetUp); // no sequencer is configured
    await run(box, "lez send ./offer.json", EXIT.usage);
  });

  test("reads a price in HTTP/1.1 and h2", async () => {
    expect((await run(box, "search report")).json.data).toMatchObject({ found: [] });
    expect((await run(box, ["quote", PREMIUM])).json.data).toMatchObject({ priced: true, price: { display: "0.00001 LGO" }, url: PREMIUM });
    expect((await run(box, ["validate", PREMIUM])).json.data).toMatchObject({ failed: 0, url: PREMIUM });
    const socket = connectTls({ host: "127.0.0.1", port: world.port, servername: "shop.example", ALPNProtocols: ["h2"], ca: AUTHORITY });
    const session = http2.connect(SHOP, { createConnection: () => socket });
    const [headers] = (await once(session.request({ ":path": "/premium" }), "response")) as [http2.IncomingHttpHeaders];
    expect([headers[":status"], headers["payment-required"]]).toEqual([402, expect.any(String)]);
    session.close();
  });

  test("asks, reads, approves at a terminal, pays, and shows that it did", async () => {
    await run(box, ["fetch", PREMIUM, "--reason", REASON], EXIT.approvalPending);
    const [request] = (await run(box, "inbox")).json.data["requests"] as { shortCode: string }[];
    const code = request?.shortCode ?? "";
    for (const rule of ["mute", "block", "allow"]) await run(box, `inbox ${rule} ${code}`);
    await run(box, `request show ${code}`);
    const approval = await type(box, `approve ${code}`, APPROVE);
    expect(approval.text).toContain("amount, account and terms are the merchant's own");
    await run(box, `request wait ${code}`);
    const { json } = await run(box, ["fetch", "--resume", code]);
    expect(json.data["receipt"].paid).toMatchObject({ display: "0.00001 LGO" });
    expect((await run(box, "pins list")).json.data["pins"]).toMatchObject([{ origin: SHOP }]);
    expect((await run(box, `status ${code}`)).json.data).toMatchObject({ conclusion: "paid", facilitator: FACILITATOR });
    await run(box, `receipt show ${code}`);
    await run(box, `receipt export ${code} --out ./evidence.json`);
    await run(box, "receipt verify ./evidence.json", EXIT.notSetUp); // the keys that this reader trusts are not named
    expect((await run(box, "request list")).json.data["requests"]).toMatchObject([{ state: "paid", url: PREMIUM }]);
  });

  test("a seller reads its sales, and gives one back", async () => {
    const { account, publicKey } = await keySigner(DEMO_MERCHANT_SECRET_KEY);
    const secretKey = bytesToHex(DEMO_MERCHANT_SECRET_KEY);
    box.write("seller.json", { ...(await createKeyFile("owner")), account, publicKey, secretKey });
    const seller = "--owner-file ./seller.json";
    const shop = `--merchant-url ${SHOP} ${seller}`;
    const [sale] = (await run(box, `sales list ${shop}`)).json.data["sales"] as { transaction: string; route: string }[];
    expect(sale).toMatchObject({ route: "GET /premium", delivery: "delivered" });
    await run(box, `sales summary ${shop}`);
    await run(box, `sales export --out ./sales.csv ${shop}`);
    expect((await run(box, `sales owed ${shop}`)).json.data).toMatchObject({ sales: [] });
    await run(box, `sales deliver ${sale?.transaction} ${shop}`); // it was delivered: there is nothing to do
    await run(box, `refund grant --origin ${SHOP} --per-refund 10000 --total 20000 --dry-run --out ./refunds.json ${seller}`);
    await run(box, `refund ${sale?.transaction} --reason overcharge --amount 2500 --confirm ${sale?.transaction} ${seller}`);
    await run(box, `sales reconcile ${shop}`);
  });

  test("takes each way back, and no payment counts twice", async () => {
    const cancelled = await ask();
    await run(box, `request cancel ${cancelled.shortCode}`);
    const declined = await ask();
    await run(box, `decline ${declined.shortCode} --code not_needed`);
    const revoked = await ask();
    await approve(revoked.shortCode, revoked.requestDigest);
    await run(box, `revoke ${revoked.shortCode} --code wrong_payee --passphrase-file ./secret.txt`);
    await run(box, `pay ${revoked.shortCode}`, EXIT.declined);
    const paid = await ask("--out", "./request.json");
    await run(
      box,
      `owner approve --request-file ./request.json --confirm ${paid.requestDigest} --passphrase-file ./secret.txt --out ./payment.json`,
    );
    await run(box, "pay ./payment.json --request-file ./request.json");
    const { url } = box.read<{ http: { url: string } }>("request.json").http;
    await run(box, ["http", "get", "--url", url, "--payload", "./payment.json"], EXIT.paymentRejected);
    expect((await run(box, "spending")).json.data["total"] ?? []).toBeDefined();
  });

  test("grants a mandate, pays within it, and ends it", async () => {
    await run(box, `mandate grant --origin ${SHOP} --per-payment 10000 --per 24h=20000 --total 20000 --dry-run --out ./draft.json`);
    const digest = mandateDigest(box.read<Mandate>("draft.json"));
    const grant = `mandate grant --draft ./draft.json --confirm ${digest} --passphrase-file ./secret.txt --out ./mandate.json`;
    const code = (await run(box, grant)).json.data["shortCode"] as string;
    await run(box, "mandate accept ./mandate.json");
    await run(box, [..."mandate propose --per-payment 1 --total 1 --out ./proposed.json --origin".split(" "), SHOP, "--reason", REASON]);
    const bought = await run(box, ["fetch", `${PREMIUM}?${purchases++}`, "--reason", REASON, "--no-ask"]);
    expect(bought.json.data["mandate"]).toMatchObject({ shortCode: code, left: { amount: "10000" } });
    expect((await run(box, "budget")).json.data["mandates"]).toMatchObject([{ shortCode: code, usage: { left: { amount: "10000" } } }]);
    expect((await run(box, "session list")).json.data["sessions"]).toEqual([]);
    // This deployment opens no session here: the commands find nothing, and say so.
    await run(box, "session show 7F3K-9QPD", EXIT.notSetUp);
    await run(box, "session close 7F3K-9QPD", EXIT.notSetUp);
    await run(box, `mandate show ${code}`);
    await run(box, `mandate renounce ${code}`);
    await run(box, `mandate revoke ${code} --passphrase-file ./secret.txt`);
    expect((await run(box, "mandate list")).json.data["mandates"]).toEqual([]);
  });

  test("decides on another machine", async () => {
    const there = machine();
    await run(there, "owner create --passphrase-file ./secret.txt");
    await run(there, "faucet");
    const { shortCode, requestDigest } = await ask();
    await run(box, `request export ${shortCode} --out ./bundle.json`);
    copyFileSync(box.path("bundle.json"), there.path("bundle.json"));
    const approval = `approve --request-file ./bundle.json --confirm ${requestDigest} --passphrase-file ./secret.txt --out ./decision.json`;
    expect((await run(there, approval)).json.data).toMatchObject({ confirmedByHost: true });
    copyFileSync(there.path("decision.json"), box.path("decision.json"));
    await run(box, "decision import ./decision.json");
    await run(box, `pay ${shortCode}`);
    const { publicKey } = (await run(box, "whoami")).json.data as { publicKey: string };
    await run(there, `books grant ${publicKey} --out ./access.json --passphrase-file ./secret.txt`);
    copyFileSync(there.path("access.json"), box.path("access.json"));
    const { account } = (await run(box, "books import ./access.json")).json.data as { account: string };
    expect((await run(box, `balance --account ${account}`)).json.data["spendable"]).toMatchObject({ display: "0.00099 LGO" });
  });

  test("keeps books, keys and pins", async () => {
    await run(box, "audit list");
    await run(box, "audit verify");
    await run(box, "audit export --out ./payments.csv --format payments");
    await run(box, "books revoke --passphrase-file ./secret.txt");
    await run(box, "balance");
    const { link } = (await run(box, "explore --passphrase-file ./secret.txt")).json.data as { link: string };
    expect(link).toMatch(/^https:\/\/[^/#]+\/explorer\/#open=/);
    box.write("new.txt", `${PASSPHRASE}, changed`);
    await run(box, "key change-passphrase --passphrase-file ./secret.txt --new-passphrase-file ./new.txt");
    await run(box, `pins forget ${SHOP}`);
    await run(box, "audit restart", EXIT.usage); // it is whole
  });

  test("serves the owner's page, which asks the facilitator", async () => {
    const desk = await startDesk(box);
    exercised.add("desk");
    expect(await desk.call("state", {})).toMatchObject({ ok: true, data: { balance: { held: { amount: "0" } } } });
    expect(await desk.stop()).toBe(EXIT.ok);
  });

  test("serves an agent's program", async () => {
    const { client } = await startMcp(box);
    exercised.add("mcp");
    const result = await client.callTool({ name: "quote", arguments: { url: PREMIUM } });
    expect(result.structuredContent).toMatchObject({ ok: true, data: { priced: true, price: { display: "0.00001 LGO" } } });
  });

  test("is set up in one command, too", async () => {
    const done = await type(machine(), ["onboard", PREMIUM], [...CHOOSE, ...APPROVE]);
    expect(done.text).toContain("Done: owner key, agent key, test money, purchase");
  });
});

describe("a shop whose certificate is not good gets nothing [https-certificates]", () => {
  const box = machine();
  const bad = [
    ["expired", "has expired", "clock"],
    ["self-signed", "is signed by itself", "SSL_CERT_FILE"],
  ] as const;

  test("keys and money", async () => {
    await run(box, "owner create --passphrase-file ./secret.txt");
    await run(box, "agent create");
    await run(box, "faucet");
  });

  test.each(bad)("%s: no command reads its terms, and none asks the owner", async (certificate, why, todo) => {
    world.certificate = certificate;
    world.requests.length = 0;
    for (const command of [
      ["quote", PREMIUM],
      ["fetch", PREMIUM, "--reason", REASON],
      ["http", "get", "--url", PREMIUM],
      ["validate", PREMIUM],
    ]) {
      const { json, exit } = await box.run(command);
      expect([exit, json.error.code], command.join(" ")).toEqual([EXIT.network, "certificate_refused"]);
      expect(json.error.message).toContain(`The certificate of shop.example ${why}`);
      expect(json.error.hint).toContain(todo);
    }
    expect(world.requests).toEqual([]);
    expect((await box.run("request list")).json.data["requests"]).toEqual([]);
    world.certificate = "good";
  });

  test.each(bad)("%s, between the approval and the payment: the payment is not sent, and buys later", async (certificate, why) => {
    const { json } = await run(box, ["request", "create", `${PREMIUM}?${certificate}`, "--reason", REASON]);
    const { shortCode, requestDigest } = json.data as { shortCode: string; requestDigest: string };
    await run(box, `approve ${shortCode} --confirm ${requestDigest} --passphrase-file ./secret.txt`);
    world.certificate = certificate;
    world.requests.length = 0;
    const refused = await box.run(["fetch", "--resume", shortCode]);
    expect([refused.exit, refused.json.error.code, refused.json.error.message]).toEqual([
      EXIT.network,
      "certificate_refused",
      expect.stringContaining(why),
    ]);
    expect(world.requests.filter((request) => request.includes(SHOP))).toEqual([]);
    world.certificate = "good";
    await run(box, ["fetch", "--resume", shortCode]);
  });

  test("a name that the certificate does not have, and an authority that this machine does not know", async () => {
    const named = await box.run(["quote", "https://shop.example.net/premium"]);
    expect(named.json.error).toMatchObject({
      code: "certificate_refused",
      message: "The certificate of shop.example.net is for another name. Nothing was sent.",
    });
    const stranger = await box.run(["quote", PREMIUM], { env: { SSL_CERT_FILE: "" } });
    expect(stranger.json.error).toMatchObject({
      code: "certificate_refused",
      message: "The certificate of shop.example comes from an authority that is not known here. Nothing was sent.",
    });
  });

  test("an owner is told why the shop could not confirm a request", async () => {
    const { json } = await run(box, ["request", "create", `${PREMIUM}?unconfirmed`, "--reason", REASON]);
    const { shortCode, requestDigest } = json.data as { shortCode: string; requestDigest: string };
    world.certificate = "expired";
    const shown = await box.run(`approve ${shortCode} --confirm ${requestDigest} --passphrase-file ./secret.txt --dry-run`);
    expect(shown.stderr.replaceAll(/\s+/g, " ")).toContain("certificate of shop.example has expired");
    world.certificate = "good";
  });
});

test("an operator ends the ledger, and another one goes on with its money", async () => {
  const box = machine();
  const operator = "--operator-key-file ./operator.key";
  const { ledger } = (await run(box, `ledger audit ${operator}`)).json.data as { ledger: string };
  await run(box, `ledger retire ${ledger} ${operator}`);
  await run(box, `ledger export --out ./ledger.jsonl ${operator}`);
  const restored = await run(box, `ledger restore ./ledger.jsonl ${operator}`, EXIT.ok, { HTTPS_PROXY: next.proxy });
  expect(restored.json.data).toMatchObject({ from: ledger });
});

test("there is no other command that names an origin", () => {
  const local = ["stack", "demo http", "demo cli", "init shop"];
  const missing = PROGRAM.commands.map(({ name }) => name).filter((name) => !exercised.has(name) && !local.includes(name));
  expect(missing).toEqual([]);
});
