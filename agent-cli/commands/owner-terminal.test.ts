/** The owner approves at a real terminal. `npm run terminals` asks everything else. */

import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { MAX_PASSPHRASE_TRIES } from "../runtime/limits.ts";
import { PASSPHRASE, REASON } from "../testing/cli.ts";
import { approveWords, ENTER, ownerAtTerminal } from "../testing/owner-terminal.ts";

const { box, merchant, ask, screen } = await ownerAtTerminal();

describe("owner approve", () => {
  test("shows the request, takes a y, opens the key and signs [terminal-approve]", async () => {
    const { code } = await ask(merchant.url, "request.json");
    const terminal = screen.run(approveWords("approved.json"));
    await terminal.until(`PAYMENT REQUEST  ${code}`);
    await terminal.until(REASON);
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    await terminal.answer("Passphrase of", `${PASSPHRASE}${ENTER}`);
    expect(await terminal.exit).toBe(EXIT.ok);
    expect(terminal.text).not.toContain(PASSPHRASE);
    expect(box.read<PaymentPayload>("approved.json").payload).toHaveProperty("signature");
  });

  test("the answer is no unless it is yes", async () => {
    await ask(merchant.url, "request.json");
    const terminal = screen.run(approveWords("never.json"));
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", ENTER);
    expect(await terminal.exit).toBe(EXIT.approvalPending);
    expect(terminal.text).toContain("Nothing was signed");
    expect(existsSync(box.path("never.json"))).toBe(false);
  });

  test("a wrong passphrase opens nothing [terminal-wrong-passphrase]", async () => {
    await ask(merchant.url, "request.json");
    const terminal = screen.run(approveWords("never.json"));
    await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
    for (let tries = 0; tries < MAX_PASSPHRASE_TRIES; tries++) {
      await terminal.answer("Passphrase of", `not the passphrase${ENTER}`);
      await terminal.until("could not be opened");
    }
    expect(await terminal.exit).toBe(EXIT.keystoreLocked);
    expect(existsSync(box.path("never.json"))).toBe(false);
  });

  test("a large amount is typed, not confirmed with a y; after a typing error it is asked for again", async () => {
    merchant.behaviour = { amount: "2500000000" };
    const typed: [answers: string[], number][] = [
      [["y", "2.4", "2,5"], EXIT.approvalPending],
      [[""], EXIT.approvalPending],
      [["2.4", "2.5"], EXIT.ok],
      [["2.5 lgo"], EXIT.ok],
      [["CODE"], EXIT.ok],
    ];
    for (const [i, [answers, exit]] of typed.entries()) {
      const { code } = await ask(merchant.url, `large-${i}.json`);
      const terminal = screen.run(
        `owner approve --request-file ./large-${i}.json --owner-file ./owner.json --out ./large-${i}-payment.json`,
      );
      for (const [n, text] of answers.entries()) {
        if (n > 0) await terminal.until("That is not the amount");
        await terminal.answer("Pay 2.5 LGO to 127.0.0.1", `${text === "CODE" ? code : text}${ENTER}`);
      }
      expect([answers, await terminal.exit]).toEqual([answers, exit]);
    }
  });
});
