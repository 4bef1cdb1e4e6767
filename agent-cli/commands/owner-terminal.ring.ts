/** `npm run terminals`: the owner at a real terminal: questions, keys and their outcome. The plainest are in owner-terminal.test.ts. */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { cells } from "../runtime/layout.ts";
import { HOLD_SCRYPT, HOLDING } from "../testing/cheap-scrypt.ts";
import { PASSPHRASE, REASON, Sandbox } from "../testing/cli.ts";
import { CONTENT } from "../testing/merchant.ts";
import { approveWords, ENTER, ownerAtTerminal } from "../testing/owner-terminal.ts";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

const { box, merchant, ask, screen } = await ownerAtTerminal();

describe("owner create", () => {
  test("asks for the passphrase twice and never shows it", async () => {
    const terminal = screen.run(["owner", "create", "--out", "./typed.json"]);
    await terminal.answer("Passphrase for the new owner key", `short${ENTER}`);
    await terminal.answer("at least 8 characters", `er but longer${ENTER}`);
    await terminal.answer("The same passphrase again", `shorter but longeR${ENTER}`);
    await terminal.answer("not the same", `\u007fr${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(terminal.text).toContain("lez-agent-pay faucet --account");
    expect(terminal.text).not.toContain("shorter");
    expect(readdirSync(box.directory)).toContain("typed.json");
  });

  test("Ctrl-C leaves nothing behind", async () => {
    const before = readdirSync(box.directory);
    const terminal = screen.run(["owner", "create", "--out", "./never.json"]);
    await terminal.answer("Passphrase for the new owner key", CTRL_C);
    expect(await terminal.exit).toBe(EXIT.interrupted);
    expect(terminal.text).toContain("Interrupted. No key was made.");
    expect(readdirSync(box.directory)).toEqual(before);
  });
});

describe("keys of the chain itself", () => {
  const HEX = `01${"11".repeat(31)}`;
  const ACCOUNT = "9GfY4u7g67my3mjFQi3Dm8J5kqQ7T4wvi6cPE2ku88j4";

  test("key import shows the account before it writes, and never the key [key-import]", async () => {
    const terminal = screen.run("key import --kind lez --out ./imported.json");
    await terminal.answer("Secret key, 64 hex digits", `01${ENTER}`);
    await terminal.answer("64 hex digits", `${HEX.slice(2)}${ENTER}`);
    await terminal.answer(`Its account: ${ACCOUNT}`, "");
    await terminal.answer("Is this the account that you expect?", "y");
    await terminal.answer("Passphrase for the new owner key", `${PASSPHRASE}${ENTER}`);
    await terminal.answer("The same passphrase again", `${PASSPHRASE}${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(terminal.text).not.toContain(HEX.slice(2));
    expect(box.read("imported.json")).toMatchObject({ kind: "lez", account: ACCOUNT });
    expect((await box.run("key show --owner-file ./imported.json")).json.data).toMatchObject({ kind: "lez", account: ACCOUNT });
    box.write("secret.txt", PASSPHRASE);
    const copy = await box.run("key backup --out ./copy.json --owner-file ./imported.json --passphrase-file ./secret.txt");
    expect([copy.exit, box.read("copy.json")]).toEqual([EXIT.ok, box.read("imported.json")]);
    box.write("new.txt", "another good passphrase");
    const words = "key change-passphrase --owner-file ./copy.json --passphrase-file ./secret.txt --new-passphrase-file ./new.txt";
    expect((await box.run(words)).exit).toBe(EXIT.ok);
  });

  test("another account than the expected one is a no, and leaves nothing", async () => {
    const terminal = screen.run("key import --kind lez --out ./never.json");
    await terminal.answer("Secret key, 64 hex digits", `${HEX}${ENTER}`);
    await terminal.answer("Is this the account that you expect?", "n");
    expect(await terminal.exit).toBe(EXIT.usage);
    expect(readdirSync(box.directory)).not.toContain("never.json");
  });

  test("without a terminal no key is taken, and none is made without a seal", async () => {
    expect((await box.run("key import --kind lez --out ./never.json")).json.error.code).toBe("interaction_required");
    expect((await box.run("owner create --kind lez --out ./never.json --insecure-plaintext")).exit).toBe(EXIT.usage);
    box.write("secret.txt", PASSPHRASE);
    const made = await box.run("owner create --kind lez --passphrase-file ./secret.txt");
    expect(made.json.data).toMatchObject({ kind: "lez", sealed: true, books: false });
    expect((await box.run(["key", "show", "--owner-file", String(made.json.data["file"])])).json.data).toMatchObject({ kind: "lez" });
    // Its money is on the chain, and no sequencer is named.
    const balance = await box.run(["balance", "--owner-file", String(made.json.data["file"])]);
    expect(balance.json.error.code).toBe("not_set_up");
    // With this key alone, an agent would not ask for a payment on the mock ledger.
    rmSync(String(made.json.data["file"]));
  });

  test("words are typed without being shown, and asked for again with the position of the fault [key-import-hidden]", async () => {
    const terminal = screen.run("key import --mnemonic --path /0 --out ./words.json --passphrase-file ./secret.txt");
    const words = `${"abandon ".repeat(11)}about`;
    await terminal.answer("The words, on one line", `${words.replace("about", "zoo")}${ENTER}`);
    await terminal.answer("the checksum is wrong", `${"\u007f".repeat(3)}about${ENTER}`);
    await terminal.answer("The last 6 characters", `KNFBu${ENTER}`);
    await terminal.until("Those are not the last characters");
    await terminal.answer("The last 6 characters", `CNKFBu${ENTER}`);
    expect(await terminal.exit, terminal.text).toBe(EXIT.ok);
    for (const word of ["abandon", "about", "zoo"]) expect(terminal.text).not.toContain(word);
    expect(box.read("words.json")).toMatchObject({ account: "AKRYNTU8c4MZ4fSr5FHcn6BGE6T4dfRCzn1ziQCNKFBu" });
  });
});

describe("owner approve", () => {
  test("a mistyped passphrase is asked for again, and nothing typed meanwhile is shown", async () => {
    await ask(merchant.url, "request.json");
    const terminal = box.terminal(approveWords("slipped.json"), { env: { [HOLD_SCRYPT]: String(PASSPHRASE.length) } });
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    await terminal.answer("Passphrase of", `${PASSPHRASE}r${ENTER}`);
    await terminal.until(HOLDING);
    terminal.type(PASSPHRASE);
    await terminal.until("could not be opened");
    await terminal.answer("Passphrase of", `${PASSPHRASE}${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(terminal.text).not.toContain(PASSPHRASE);
    expect(box.read<PaymentPayload>("slipped.json").payload).toHaveProperty("signature");
  });

  test("Ctrl-C while the key is being opened is heard", async () => {
    await ask(merchant.url, "request.json");
    const terminal = box.terminal(approveWords("never.json"), { env: { [HOLD_SCRYPT]: "1" } });
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    await terminal.answer("Passphrase of", `${PASSPHRASE}${ENTER}`);
    await terminal.until(HOLDING);
    terminal.type(CTRL_C);
    expect(await terminal.exit).toBe(EXIT.interrupted);
    expect(existsSync(box.path("never.json"))).toBe(false);
  });

  test("a host that does not confirm the request is named above the question, and only the short code answers it [terminal-unconfirmed]", async () => {
    const { code } = await ask(merchant.url, "request.json");
    merchant.behaviour = { instead: (_request, response) => !!response.writeHead(200).end("no price") };
    const terminal = screen.run([...approveWords("unconfirmed.json"), "--passphrase-file", "./secret.txt"]);
    await terminal.until("the merchant says");
    await terminal.until("not confirmed by this host");
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", `y${ENTER}`);
    for (const text of ["0.00001", code]) {
      await terminal.until("That is not the short code");
      await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", `${text}${ENTER}`);
    }
    expect(await terminal.exit).toBe(EXIT.ok);
  });

  test("a body that cannot be read takes the short code [terminal-body-unseen]", async () => {
    const { code, digest } = await ask(merchant.url, "request.json", ["-d", "x"]);
    rmSync(box.path(`home/requests/${digest}.json`));
    const terminal = screen.run([...approveWords("unread.json"), "--passphrase-file", "./secret.txt"]);
    await terminal.until("You approve a body that you cannot read");
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", `y${ENTER}`);
    await terminal.until("That is not the short code");
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", `${code}${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
  });

  test.each([
    ["Ctrl-C", CTRL_C],
    ["Ctrl-D", CTRL_D],
    ["Escape", "\u001b"],
  ])("%s at any question signs nothing", async (_name, stop) => {
    await ask(merchant.url, "request.json");
    const atQuestion = screen.run(approveWords("never.json"));
    await atQuestion.answer("Pay 0.00001 LGO to 127.0.0.1", stop);
    expect(await atQuestion.exit).toBe(EXIT.interrupted);
    expect(atQuestion.text).not.toMatch(/\?\s+Yes|● Yes/); // what stands on the screen at last is no yes
    const atPassphrase = screen.run(approveWords("never.json"));
    await atPassphrase.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    await atPassphrase.answer("Passphrase of", stop);
    expect(await atPassphrase.exit).toBe(EXIT.interrupted);
    expect(existsSync(box.path("never.json"))).toBe(false);
    const atChoice = screen.run(["decline", "--request-file", "./request.json"]);
    await atChoice.answer("Why not?", stop);
    expect(await atChoice.exit).toBe(EXIT.interrupted);
    expect(atChoice.text).toContain("Nothing was decided");
  });

  test("40 columns and no colour are enough", async () => {
    await ask(merchant.url, "request.json");
    const terminal = box.terminal(approveWords("narrow.json"), { cols: 40, env: { NO_COLOR: "1" } });
    await terminal.until("Pay 0.00001 LGO to 127.0.0.1");
    const screen = terminal.raw.slice(0, terminal.raw.indexOf("the merchant says"));
    expect(screen).not.toContain("\u001b[");
    for (const line of screen.replaceAll("\r", "").split("\n")) expect(cells(line)).toBeLessThanOrEqual(40);
    await terminal.answer("?", CTRL_C);
    await terminal.exit;
  });

  test("there is colour where it is allowed", async () => {
    await ask(merchant.url, "request.json");
    const terminal = screen.run(approveWords("colour.json"));
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", CTRL_C);
    await terminal.exit;
    expect(terminal.raw.slice(0, terminal.raw.indexOf("the merchant says"))).toContain("\u001b[1m");
  });
});

describe("a dumb terminal is asked the same, and gets no escape sequence", () => {
  const env = { TERM: "dumb" };
  const plain = (terminal: { raw: string }) => expect(terminal.raw).not.toContain("\u001b");

  test("by approve, for a yes and a passphrase that stays hidden", async () => {
    await ask(merchant.url, "request.json");
    const terminal = box.terminal(approveWords("dumb.json"), { env });
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", `y${ENTER}`);
    await terminal.answer("Passphrase of", `${PASSPHRASE}r\u007f${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(terminal.text).not.toContain(PASSPHRASE.slice(0, 8));
    plain(terminal);
  });

  test("by decline, for a choice and a note; Ctrl-C is heard", async () => {
    await ask(merchant.url, "request.json");
    const words = ["owner", "decline", "--request-file", "./request.json", "--out", "./dumb-decision.json"];
    const stopped = box.terminal(words, { env });
    await stopped.answer("Number or word:", CTRL_C);
    expect(await stopped.exit).toBe(EXIT.interrupted);
    const terminal = box.terminal(words, { env });
    await terminal.answer("Number or word:", `99${ENTER}`);
    await terminal.until("a word of the list");
    await terminal.answer("Number or word:", `not_needed${ENTER}`);
    await terminal.answer("A note for the agent", `We have it.${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(box.read("dumb-decision.json")).toMatchObject({ decision: { code: "not_needed", note: "We have it." } });
    plain(terminal);
  });

  test("and by every command that waits", async () => {
    const { code } = await ask(merchant.url, "request.json");
    const terminal = box.terminal(["request", "wait", code, "--timeout", "1"], { env });
    expect(await terminal.exit).toBe(EXIT.approvalPending);
    expect(terminal.text.match(/waits: the owner types/g)).toHaveLength(1);
    plain(terminal);
  });
});

describe("while the request is being read", () => {
  const question = "Pay 0.00001 LGO to 127.0.0.1";

  test("keys that were typed before the question are no answer [terminal-keys-typed-early]", async () => {
    await ask(merchant.url, "request.json");
    const terminal = box.terminal(approveWords("never.json"));
    terminal.type(`yy${ENTER}yes${ENTER}`); // long before there is anything to answer
    await terminal.until("PAYMENT REQUEST");
    terminal.type("y");
    await terminal.until(question);
    const quiet = new Promise((resolve) => setTimeout(() => resolve("still asking"), 400));
    expect(await Promise.race([terminal.exit, quiet])).toBe("still asking");
    terminal.type("n");
    expect(await terminal.exit).toBe(EXIT.approvalPending);
    expect(existsSync(box.path("never.json"))).toBe(false);
  });

  test("Ctrl-C typed before the question is heard", async () => {
    await ask(merchant.url, "request.json");
    const terminal = box.terminal(approveWords("never.json"));
    await terminal.until("PAYMENT REQUEST");
    terminal.type(CTRL_C);
    expect(await terminal.exit).toBe(EXIT.interrupted);
  });

  test("a file that is replaced is not signed [terminal-file-exchanged]", async () => {
    await ask(merchant.url, "request.json");
    const words = ["owner", "approve", "--request-file", "./request.json", "--owner-file", "./owner.json", "--out", "./never.json"];
    const terminal = screen.run(words);
    await terminal.until(question);
    await ask(merchant.url, "request.json");
    await terminal.answer("?", "y");
    expect(await terminal.exit).toBe(EXIT.differs);
    expect(terminal.text).toContain("replaced while it was being read");
    expect(existsSync(box.path("never.json"))).toBe(false);
  });

  test("a request that expires is not signed", async () => {
    await ask(merchant.url, "request.json", ["--expires-in", "3000"]);
    const words = ["owner", "approve", "--request-file", "./request.json", "--owner-file", "./owner.json", "--out", "./never.json"];
    const terminal = box.terminal(words);
    await terminal.until(question);
    await terminal.later();
    terminal.type("y");
    expect(await terminal.exit).toBe(EXIT.approvalExpired);
    expect(existsSync(box.path("never.json"))).toBe(false);
  });
});

describe("the merchant's own terms", () => {
  test("are confirmed on the screen, or the request is refused before any question [terminal-terms-checked]", async () => {
    const { code } = await ask(merchant.url, "request.json");
    const same = screen.run(["approve", code, "--owner-file", "./owner.json", "--check-terms"]);
    await same.until("amount, account and terms are the merchant's own");
    await same.answer("Pay 0.00001 LGO", "y");
    expect(await same.exit).toBe(EXIT.ok);
    const { code: changed } = await ask(merchant.url, "request.json");
    merchant.behaviour = { amount: "20000" };
    const different = screen.run(["approve", changed, "--owner-file", "./owner.json", "--check-terms"]);
    expect(await different.exit).toBe(EXIT.differs);
    expect(different.text).not.toContain("Pay 0.00001 LGO to");
  });
});

describe("owner decline", () => {
  test("asks for a code and a note, and nothing else", async () => {
    await ask(merchant.url, "request.json");
    const terminal = screen.run(["owner", "decline", "--request-file", "./request.json", "--out", "./decision.json"]);
    await terminal.answer("Why not?", `\u001b[B\u001b[B${ENTER}`);
    await terminal.answer("A note for the agent", `We have that report.${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(box.read("decision.json")).toMatchObject({ signed: false, decision: { code: "not_needed", note: "We have that report." } });
    const late = screen.run(approveWords("never.json"));
    expect(await late.exit).toBe(EXIT.declined);
    expect(late.text).toContain("That is final.");
  });

  test("asks for nothing that a flag gives", async () => {
    await ask(merchant.url, "request.json");
    const words = [
      "owner",
      "decline",
      "--request-file",
      "./request.json",
      "--owner-file",
      "./sealed.json",
      "--code",
      "policy",
      "--note",
      "Ask in May.",
    ];
    const terminal = screen.run([...words, "--passphrase-file", "./secret.txt"]);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(terminal.text).toContain("Ask in May.");
    expect(terminal.text).not.toContain("Why not?");
  });
});

test("the prototype's commands work as they are written, at a terminal", async () => {
  const fresh = new Sandbox();
  const shell = await fresh.sharedTerminal();
  const line = async (words: string, answers: [string, string][] = []) => {
    const terminal = shell.run(words);
    for (const [question, keys] of answers) await terminal.answer(question, keys);
    return { exit: await terminal.exit, text: terminal.text };
  };
  const twice: [string, string][] = [
    ["Passphrase for the new owner key", `${PASSPHRASE}${ENTER}`],
    ["again", `${PASSPHRASE}${ENTER}`],
  ];
  expect((await line("owner create --out owner.json", twice)).exit).toBe(EXIT.ok);
  expect((await line("agent create --out agent.json")).exit).toBe(EXIT.ok);
  const unpaid = await line(`http get --url ${merchant.url}`);
  expect([unpaid.exit, unpaid.text]).toEqual([EXIT.ok, expect.stringContaining("HTTP 402")]);
  const request = `request create --merchant-name "Demo merchant" --merchant-url ${merchant.url} --pay-to merchant_demo_account --amount 10000 --asset native --reason "${REASON}" --agent-file agent.json --out request.json`;
  expect((await line(request)).exit).toBe(EXIT.ok);
  const approval = await line("owner approve --request-file request.json --owner-file owner.json --out payment-payload.json", [
    ["Pay 0.00001 LGO", "y"],
    ["Passphrase", `${PASSPHRASE}${ENTER}`],
  ]);
  expect(approval.exit).toBe(EXIT.ok);
  const paid = await line(`http get --url ${merchant.url} --payload payment-payload.json`);
  expect([paid.exit, paid.text]).toEqual([EXIT.ok, expect.stringContaining(CONTENT)]);
  expect(paid.text).toContain("Paid 0.00001 LGO");
  const declined = await line("owner decline --request-file request.json", [
    ["Why not?", ENTER],
    ["A note", ENTER],
  ]);
  expect(declined.exit).toBe(EXIT.ok);
  expect(declined.text.replaceAll("\n", " ")).toContain("does not withdraw that payment");
  shell.close();
  fresh.remove();
});
