/** Payments on the chain itself by the command line: asked for, read, signed, settled by blocks, taken back. */

import { beforeAll, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, type Run, sandbox } from "../agent-cli/testing/cli.ts";
import { NATIVE_CONTENT, nativeWorld, type NativeWorld } from "../agent-cli/testing/native-world.ts";

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

test("asked, read, signed, settled by a block, and given: one payment, whose fee was shown", async () => {
  const asked = await ask();
  const approved = await approve(asked);
  expect(approved.exit, approved.stdout).toBe(EXIT.ok);
  expect(approved.stderr).toContain("NATIVE LEZ TRANSFER (TEST)");
  expect(approved.stderr).toMatch(/Fee +at most 0\.000026712 LGO = 26712 lepta; about 2968 at today's price/);
  const paid = await mining(box.run(["pay", asked.code]));
  expect(paid.exit, paid.stdout).toBe(EXIT.ok);
  expect(paid.json.data).toMatchObject({ receipt: { network: "lez:devnet", payer: account } });
  expect(paid.stdout).toContain(NATIVE_CONTENT);
});
