/** From request to receipt, without a terminal and without a failure. */

import { beforeEach, describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox } from "../testing/cli.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";

const box = sandbox();
const merchant = await startMerchant();
beforeEach(() => merchant.reset());

describe("a good day", () => {
  test("the prototype's commands buy the resource, once", async () => {
    box.write("secret.txt", `${PASSPHRASE}\n`);
    const owner = await box.run(["owner", "create", "--out", "./owner.json", "--passphrase-file", "./secret.txt"]);
    expect(owner.exit).toBe(EXIT.ok);
    expect(owner.json.data).toMatchObject({ sealed: true });
    expect(owner.json.next?.argv).toEqual(["lez-agent-pay", "faucet", "--account", owner.json.data["account"]]);
    expect((await box.run(["agent", "create", "--out", "./agent.json", "--name", "bot"])).exit).toBe(EXIT.ok);

    const unpaid = await box.run(["http", "get", "--url", merchant.url]);
    expect(unpaid.exit).toBe(EXIT.ok);
    expect(unpaid.json.data["response"]).toMatchObject({ status: 402, paymentRequired: { x402Version: 2 } });

    const request = await box.run(
      `request create --merchant-name Demo --merchant-url ${merchant.url} --pay-to merchant_demo_account --amount 10000 --asset native --reason "${REASON}" --agent-file ./agent.json --out ./request.json`,
    );
    expect(request.exit).toBe(EXIT.ok);
    expect(request.json.data).toMatchObject({
      termsFrom: "merchant",
      price: { amount: "10000", display: "0.00001 LGO" },
      payTo: DEMO_MERCHANT_ACCOUNT,
    });

    const approve = ["owner", "approve", "--request-file", "./request.json", "--owner-file", "./owner.json", "--out", "./payload.json"];
    const waiting = await box.run(approve);
    expect(waiting.exit).toBe(EXIT.approvalPending);
    expect(waiting.json.error.code).toBe("interaction_required");
    const digest = request.json.data["requestDigest"] as string;
    const approved = await box.run([...approve, "--confirm", digest, "--passphrase-file", "./secret.txt", "--check-terms"]);
    expect(approved.exit).toBe(EXIT.ok);
    expect(approved.json.data).toMatchObject({ from: owner.json.data["account"], to: DEMO_MERCHANT_ACCOUNT, url: merchant.url });

    const paid = await box.run(["http", "get", "--url", merchant.url, "--payload", "./payload.json"]);
    expect(paid.exit).toBe(EXIT.ok);
    expect(paid.json.data).toMatchObject({
      receipt: { payer: owner.json.data["account"], paid: { amount: "10000" } },
      response: { status: 200, body: { text: CONTENT, untrusted: true } },
    });

    const again = await box.run(["pay", "./payload.json"]);
    expect([again.exit, again.json.data]).toEqual([EXIT.ok, expect.objectContaining({ again: true, kept: true })]);
    expect(merchant.settled.size).toBe(1);
  });

  test("a POST is bought with the stored body and headers of its request [flow-post-body]", async () => {
    box.write("question.json", '{"q":"how much?"}');
    const request = [
      "request",
      "create",
      `${merchant.origin}/ask?lang=en`,
      "--reason",
      REASON,
      "--agent-file",
      "./agent.json",
      "--out",
      "./post.json",
    ];
    const made = await box.run([
      ...request,
      "-d",
      `@${box.path("question.json")}`,
      "-H",
      "Content-Type: application/json",
      "-H",
      "X-Tone: short",
    ]);
    expect(made.exit).toBe(EXIT.ok);
    expect(made.json.data).toMatchObject({ method: "POST", covers: "exactly this request: method, address, query and body" });
    const digest = made.json.data["requestDigest"] as string;
    await box.run(
      `owner approve --request-file ./post.json --owner-file ./owner.json --out ./post-payload.json --confirm ${digest} --passphrase-file ./secret.txt`,
    );
    const paid = await box.run(["pay", "./post-payload.json", "--out", "./answer.txt"]);
    expect(paid.exit).toBe(EXIT.ok);
    expect(paid.json.data["response"].body).toMatchObject({ file: box.path("answer.txt"), bytes: CONTENT.length });
    expect(merchant.presented[0]?.headers).toMatchObject({ "content-type": "application/json", "x-tone": "short" });
  });
});
