/** The command line at a facilitator whose books are keyed, over real Workers. */

import { chmodSync, cpSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, Sandbox, sandbox } from "../../agent-cli/testing/cli.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { grantAccess, type SignedAccess } from "../../shared/protocol/books-access.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { useStack } from "./stack.ts";

// As in readme.test.ts, so that both share a stack.
const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY }, "lez-facilitator": { BOOKS: "keyed" } } });
const DAY = 24 * 3600;

/** Someone whose facilitator is the stack's. */
function person(box: Sandbox) {
  box.write("secret.txt", `${PASSPHRASE}\n`);
  const run = (line: string, facilitator = world.stack.facilitator) => box.run(line, { env: { LEZ_FACILITATOR_URL: facilitator } });
  const kept = () => {
    const [name = ""] = readdirSync(box.path("home/books")).filter((file) => file !== "reader.json");
    return { name: `home/books/${name}`, ...box.read<{ accesses: SignedAccess[]; revoked: string[] }>(`home/books/${name}`) };
  };
  return { run, kept, withKey: "--passphrase-file ./secret.txt" };
}

const balanceOf = async (run: ReturnType<typeof person>["run"], account: string) => {
  const { exit, json } = await run(`balance --account ${account}`);
  return exit === EXIT.ok ? (json.data["balance"] as { amount: string }).amount : json.error.code;
};

describe("an owner with a new key", () => {
  const box = sandbox();
  const { run, kept, withKey } = person(box);
  let account = "";
  beforeAll(async () => {
    const made = await run(`owner create ${withKey}`);
    expect(made.json.data).toMatchObject({ books: true, sealed: true });
    account = made.json.data["account"] as string;
  });

  test("reads the account with the access that the key signed, and types no passphrase [books-one-passphrase]", async () => {
    expect((await run("faucet --amount 7")).json.data).toMatchObject({ balance: { amount: "7" } });
    expect(await balanceOf(run, account)).toBe("7");
    expect((await run("accounts")).json.data).toMatchObject({ accounts: [{ account, balance: { balance: { amount: "7" } } }] });
    for (const file of readdirSync(box.path("home/books"))) expect(statSync(box.path(`home/books/${file}`)).mode & 0o777).toBe(0o600);
  });

  test("gives the agent's key an access of its own at the next passphrase", async () => {
    const agent = (await run("agent create")).json.data["publicKey"];
    expect(kept().accesses).toHaveLength(1);
    expect((await run(`key backup --out ./backup.json ${withKey}`)).exit).toBe(EXIT.ok);
    expect(kept().accesses.map(({ access }) => access.reader)).toContain(agent);
    const [reader, aside] = [box.path("home/books/reader.json"), box.path("reader.json")];
    cpSync(reader, aside);
    rmSync(reader);
    expect(await balanceOf(run, account)).toBe("7");
    cpSync(aside, reader);
  });

  test("renews accesses past half of their time, and no others, when the key is open anyway [books-renewed]", async () => {
    const { secretKey } = box.read<{ secretKey: string }>("home/books/reader.json");
    expect(secretKey).toMatch(/^[0-9a-f]{64}$/);
    const before = kept();
    expect((await run(`key backup --out ./again.json ${withKey}`)).exit).toBe(EXIT.ok);
    expect(kept().accesses).toEqual(before.accesses);
    const old = before.accesses.map((signed) => ({
      ...signed,
      access: { ...signed.access, issuedAt: String(unixNow() - 16 * DAY), validBefore: String(unixNow() + 14 * DAY) },
    }));
    box.write(before.name, { format: "lez-agent-pay/books/1", facilitator: world.stack.facilitator, account, accesses: old, revoked: [] });
    expect(await balanceOf(run, account)).toBe("unauthorized"); // the signature no longer fits
    expect((await run(`key backup --out ./third.json ${withKey}`)).exit).toBe(EXIT.ok);
    expect(await balanceOf(run, account)).toBe("7");
  });

  test("voids every access, of copies and of the agent's key, and goes on with a new one [books-revoke-copies]", async () => {
    const thief = new Sandbox();
    afterAll(() => thief.remove());
    cpSync(box.path("home"), thief.path("home"), { recursive: true });
    const stolen = (line: string) => thief.run(line, { env: { LEZ_FACILITATOR_URL: world.stack.facilitator } });
    expect(await balanceOf(stolen, account)).toBe("7");
    expect((await run(`books revoke ${withKey}`)).json.data).toMatchObject({ account, ledger: world.stack.ledger });
    const refused = await stolen(`balance --account ${account}`);
    expect([refused.exit, refused.json.error.message]).toEqual([EXIT.notSetUp, expect.stringContaining("has revoked this access")]);
    expect(await balanceOf(run, account)).toBe("7");
    expect((await run(`key backup --out ./fourth.json ${withKey}`)).exit).toBe(EXIT.ok);
    expect(kept().accesses).toHaveLength(1);
  });

  test("sends an access to no facilitator but the one that it was made for [books-one-facilitator]", async () => {
    const heard: (string | undefined)[] = [];
    const other = http.createServer(({ headers }, response) => {
      heard.push(headers.authorization);
      response.writeHead(200).end(JSON.stringify({ account, balance: "1", held: "0" }));
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    afterAll(() => void other.close());
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    served(url);
    expect((await run(`balance --account ${account}`, url)).exit).toBe(EXIT.ok);
    expect(heard).toEqual([undefined]);
  });
});

describe("an agent on another machine", () => {
  const [box, elsewhere] = [sandbox(), sandbox()];
  const [owner, agent] = [person(box), person(elsewhere)];
  let account = "";
  const grant = async (key: string) => {
    const granted = await owner.run(`books grant ${key} --out ./access.json --force ${owner.withKey}`);
    expect(granted.json.data).toMatchObject({ account, reader: key, facilitator: world.stack.facilitator });
    cpSync(box.path("access.json"), elsewhere.path("access.json"));
  };
  beforeAll(async () => {
    account = (await owner.run(`owner create ${owner.withKey}`)).json.data["account"] as string;
    expect((await agent.run("agent create")).exit).toBe(EXIT.ok);
  });

  test("reads with an access that the owner granted it, until that is revoked [books-granted]", async () => {
    const key = (await agent.run("whoami")).json.data["publicKey"] as string;
    expect(await balanceOf(agent.run, account)).toBe("unauthorized");
    await grant(key);
    expect((await agent.run("books import ./access.json")).json.data).toMatchObject({ account, facilitator: world.stack.facilitator });
    expect(await balanceOf(agent.run, account)).toBe("0");
    expect((await owner.run("faucet --amount 3")).exit).toBe(EXIT.ok);
    expect(await balanceOf(agent.run, account)).toBe("3");
    expect((await owner.run(`books revoke ${owner.withKey}`)).exit).toBe(EXIT.ok);
    expect(await balanceOf(agent.run, account)).toBe("unauthorized");
    expect(await balanceOf(owner.run, account)).toBe("3");
  });

  test("keeps no access that it could not use", async () => {
    const importing = async () => (await agent.run("books import ./access.json")).json.error;
    await grant("8a".repeat(32));
    expect(await importing()).toMatchObject({ code: "invalid_file", message: expect.stringContaining("is not the agent's here") });
    const granted = box.read<{ access: object }>("access.json");
    elsewhere.write("access.json", { ...granted, access: { ...granted.access, reader: "8b".repeat(32) } });
    expect(await importing()).toMatchObject({ message: expect.stringContaining("its account did not sign it") });
    elsewhere.write("access.json", { ...granted, more: 1 });
    expect(await importing()).toMatchObject({ message: expect.stringContaining('unknown member "more"') });
    expect((await agent.run("books import ./secret.txt")).json.error).toMatchObject({ code: "invalid_file" });
    expect((await owner.run("books grant alice --out ./none.json")).json.error).toMatchObject({ code: "usage" });
  });
});

describe("an owner without an access", () => {
  const box = sandbox();
  const { run, withKey } = person(box);
  const nowhere = "http://127.0.0.1:1";
  let account = "";
  beforeAll(async () => {
    served(nowhere);
    const made = await run(`owner create ${withKey}`, nowhere);
    expect(made.json.data).toMatchObject({ books: false });
    account = made.json.data["account"] as string;
    expect(existsSync(box.path("home/books"))).toBe(false);
  });

  test("is told which command makes one [books-missing]", async () => {
    const refused = await run("balance");
    expect(refused.exit).toBe(EXIT.notSetUp);
    expect(refused.json.error).toMatchObject({
      code: "unauthorized",
      message: `The books of ${account} are closed to this machine: it has no access that the account's owner signed.`,
      hint: expect.stringContaining("lez-agent-pay accounts"),
    });
    expect(refused.json.next).toMatchObject({ argv: ["lez-agent-pay", "accounts"], by: "owner" });
    const accounts = await run("accounts"); // no terminal, no passphrase
    expect(accounts.json.data).toMatchObject({ accounts: [{ account, problem: expect.stringContaining("closed to this machine") }] });
  });

  test("gets money, and is not told how much there is", async () => {
    const granted = await run("faucet --amount 5");
    expect([granted.exit, granted.json.data["granted"]]).toMatchObject([EXIT.ok, { amount: "5" }]);
    expect(granted.json.data).not.toHaveProperty("balance");
  });

  test("makes one at the first accounts, and needs the passphrase no more [books-first-accounts]", async () => {
    expect((await run(`accounts ${withKey}`)).json.data).toMatchObject({ accounts: [{ balance: { balance: { amount: "5" } } }] });
    expect((await run("accounts")).json.data).toMatchObject({ accounts: [{ balance: { balance: { amount: "5" } } }] });
    box.write("wrong.txt", "another passphrase\n");
    rmSync(box.path("home/books"), { recursive: true });
    expect((await run("accounts --passphrase-file ./wrong.txt")).exit).toBe(EXIT.keystoreLocked);
    expect((await run(`accounts ${withKey}`)).exit).toBe(EXIT.ok);
  });

  test("is told that an access is over, and makes another", async () => {
    await run("owner create --out ./plain.json --insecure-plaintext", nowhere);
    const owner = await keySigner(hexToBytes(box.read<{ secretKey: string }>("plain.json").secretKey));
    await run("accounts --owner-file ./plain.json");
    const plain = readdirSync(box.path("home/books")).find((name) =>
      JSON.stringify(box.read(`home/books/${name}`)).includes(owner.account),
    );
    const reader = box.read<{ publicKey: string }>("home/books/reader.json").publicKey;
    const over = await grantAccess(owner, world.stack.ledger as Digest, reader, unixNow() - 31 * DAY);
    const content = { facilitator: world.stack.facilitator, account: owner.account, accesses: [over], revoked: [] };
    box.write(`home/books/${plain}`, { format: "lez-agent-pay/books/1", ...content });
    const refused = await run("balance --owner-file ./plain.json");
    expect(refused.json.error.message).toMatch(
      /access to the books of \S+ does not count\. The facilitator says: .*access\.validBefore: is over/,
    );
    expect((await run("accounts --owner-file ./plain.json")).json.data).toMatchObject({
      accounts: [{ balance: { balance: { amount: "0" } } }],
    });
  });

  test("uses no access that another user can read", async () => {
    const files = readdirSync(box.path("home/books")).map((name) => box.path(`home/books/${name}`));
    for (const file of files) chmodSync(file, 0o644);
    expect((await run("accounts")).json.data).toMatchObject({ accounts: [{ problem: expect.stringContaining("open to other users") }] });
    for (const file of files) chmodSync(file, 0o600);
  });
});
