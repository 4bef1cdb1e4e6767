/** An owner, an agent, and requests between them, as files of a sandbox. */

import { rmSync } from "node:fs";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { type PaymentRequest, type PaymentRequestBody, signPaymentRequest } from "../../shared/protocol/payment-request.ts";
import { keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { createKeyFile, type KeyFile } from "../keys/key-file.ts";
import { termsFile } from "../purchase/request-subject.ts";
import { REASON, type Run, type RunOptions, type Sandbox, wordsOf } from "./cli.ts";

export interface People {
  owner: KeyFile;
  agent: WalletSigner;
  /** A request for that URL, in that file. */
  ask: (url: string, file: string, extra?: readonly string[]) => Promise<{ code: string; digest: string }>;
  /** Changes a request as only its agent could: signed again. */
  forge: (file: string, change: (body: PaymentRequestBody) => object) => Promise<void>;
  /** `owner approve` without a terminal. */
  approve: (file: string, out: string, extra?: readonly string[], options?: RunOptions) => Promise<Run>;
}

/** `approve` by an owner who has read the request of that code: without a terminal, by its digest. */
export async function approveAsRead(box: Sandbox, code: string, ...words: string[]): Promise<Run> {
  const { json } = await box.run(["request", "show", code]);
  return box.run(["approve", code, "--confirm", String(json.data["requestDigest"]), ...words]);
}

/** Plain keys: these people have nothing to lose. */
export async function people(box: Sandbox): Promise<People> {
  const owner = await createKeyFile("owner");
  const agentKey = await createKeyFile("agent", { name: "Research agent" });
  box.write("owner.json", owner);
  box.write("agent.json", agentKey);
  const agent = await keySigner(hexToBytes("secretKey" in agentKey ? agentKey.secretKey : ""));
  return {
    owner,
    agent,
    async ask(url, file, extra = []) {
      const line = `request create "${url}" --reason "${REASON}" --agent-file ./agent.json --out ./${file}`;
      for (const old of [box.path(file), termsFile(box.path(file))]) rmSync(old, { force: true });
      const made = await box.run([...wordsOf(line), ...extra]);
      if (made.exit !== 0) throw new Error(made.stdout);
      const { shortCode: code, requestDigest: digest } = made.json.data as { shortCode: string; requestDigest: string };
      return { code, digest };
    },
    async forge(file, change) {
      const { agentSignature: _, ...body } = box.read<PaymentRequest>(file);
      box.write(file, await signPaymentRequest({ ...body, ...change(body) }, agent));
    },
    approve: (file, out, extra = [], options = {}) =>
      box.run([...wordsOf(`owner approve --request-file ./${file} --owner-file ./owner.json --out ./${out} --force`), ...extra], options),
  };
}
