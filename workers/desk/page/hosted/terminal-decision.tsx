/** A decision that is made where the owner's key is: by a command that asks this desk, or with the request as a file. */

import { useState } from "preact/hooks";
import type { RequestItem } from "../../../../shared/desk/api.ts";
import type { KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import type { DecisionRecord } from "../../../../shared/protocol/decision.ts";
import type { PaymentPayload } from "../../../../shared/x402/x402.ts";
import type { Problem } from "../client.ts";
import { Command } from "../command.tsx";
import { saveFile, Trouble } from "../parts.tsx";
import { commandAt } from "./account.ts";
import type { HostedClient } from "./hosted-owner.ts";
import { FileField } from "./pieces.tsx";

interface ElsewhereProps {
  client: HostedClient;
  item: RequestItem;
  record: KeyRecord;
  decided: (notes: string[]) => void;
}

export function Elsewhere({ client, item, record, decided }: ElsewhereProps) {
  const [wanted, setWanted] = useState<Problem | undefined>();
  const { shortCode: code, requestDigest: request } = item;
  const download = async () => {
    const file = await client.call("file", { request });
    if (file.ok) saveFile({ ...file.data, type: "application/json" });
    setWanted(file.ok ? undefined : file.error);
  };
  const handOver = async (text: string) => {
    const signed = read(text);
    if (!signed) return setWanted({ code: "file", message: "This file is no signed decision.", hint: "Take the one that --out named." });
    const sent = "payment" in signed ? await client.call("decide", signed) : await client.call("refuse", signed);
    if (sent.ok) decided([]);
    else setWanted(sent.error);
  };
  const { policy } = record;
  const several = Number(policy?.threshold ?? 1) > 1;
  const files = `--request-file request-${code}.json --out decision-${code}.json`;
  return (
    <>
      <h2>Decide where your key is</h2>
      <p class="quiet small">
        Run this there. It shows you the request, and sends what you sign to this desk.
        {several && ` This account needs ${policy?.threshold} keys: yours signs one part, and the last part makes the payment.`} To decline,
        add --decline.
      </p>
      <Command text={commandAt(record, `sign ${code}`)} />
      {!policy && (
        <>
          <h3>Or with a file, if it cannot reach this desk</h3>
          <p class="quiet small">1. Take the request to the machine that has the key.</p>
          <button type="button" class="plain wide" onClick={() => void download()}>
            Save the request as a file
          </button>
          <p class="quiet small">2. There, read it and decide:</p>
          <Command text={`lez-agent-pay approve ${files}`} />
          <Command text={`lez-agent-pay decline --owner-file owner.json ${files}`} />
          <FileField label="3. Hand over the decision" take={(text) => void handOver(text)} />
          {wanted && <Trouble problem={wanted} />}
        </>
      )}
    </>
  );
}

/** The desk checks what is in it. */
function read(text: string): { payment: PaymentPayload } | { record: DecisionRecord } | undefined {
  try {
    const value = JSON.parse(text) as object;
    if ("x402Version" in value) return { payment: value as PaymentPayload };
    return "decision" in value ? { record: value as DecisionRecord } : undefined;
  } catch {
    return undefined;
  }
}
