/** A file named by mistake is called what it is. */

import { describe, expect, test } from "vitest";
import { PASSPHRASE, sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { EXIT } from "./exit-codes.ts";

const box = sandbox();
const merchant = await startMerchant();
const { ask, approve } = await people(box);
const { code, digest } = await ask(merchant.url, "request.json");
await approve("request.json", "payment.json", ["--confirm", digest]);
await box.run("owner decline --request-file ./request.json --code policy --out ./declined.json");
box.write("secret.txt", PASSPHRASE);
await box.run("owner create --out ./sealed.json --passphrase-file ./secret.txt");
box.write("keys.json", { merchants: {} });

describe("a file of another kind", () => {
  test.each([
    ["pay ./request.json", "not the payment payload", "payment request", "owner approve --request-file"],
    ["pay ./request.json", "not the payment payload", "payment request", `lez-agent-pay pay ${code}`],
    ["pay ./owner.json", "not the payment payload", "an owner's key", "--owner-file"],
    ["pay ./sealed.json", "not the payment payload", "an owner's key", "--owner-file"],
    ["pay ./agent.json", "not the payment payload", "an agent's key", "--agent-file"],
    ["pay ./declined.json", "not the payment payload", "owner's decision", "nothing to pay"],
    ["pay ./request.terms.json", "not the payment payload", "merchant's terms", "Name the request"],
    ["status ./request.json", "not the payment payload", "payment request", "owner approve"],
    ["http get --url https://x.example/ --payload ./request.json", "not the payment payload", "payment request", "owner approve"],
    ["pay ./payment.json --request-file ./payment.json", "not the payment request", "a signed payment", "lez-agent-pay pay"],
    ["owner approve --request-file ./payment.json --out ./p.json", "not the payment request", "a signed payment", "lez-agent-pay pay"],
    ["receipt show ./payment.json", "not the payment request", "a signed payment", "lez-agent-pay pay"],
    ["whoami --agent-file ./request.json", "not the agent key file", "payment request", "owner approve"],
    ["key show --owner-file ./payment.json", "not the owner key file", "a signed payment", "lez-agent-pay pay"],
    ["pay ./keys.json", "not the payment payload", "file of known keys", "--keys"],
  ])("%s", async (line, isNot, is, hint) => {
    const run = await box.run(line);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "invalid_file"]);
    expect(run.json.error.message).toContain(isNot);
    expect(run.json.error.message).toContain(is);
    expect(run.json.error.hint).toContain(hint);
  });
});

test("a damaged file of the right kind is not called another", async () => {
  box.write("damaged.json", { ...box.read<object>("payment.json"), x402Version: "2" });
  const run = await box.run("pay ./damaged.json");
  expect(run.json.error.message).toContain("is not a valid payment payload");
});
