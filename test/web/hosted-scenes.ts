/** What a hosted desk answers in pictures: the fixed data of the local one, for an account of a passkey and a key. */

import type { Answered, DeskState } from "../../shared/desk/api.ts";
import type { HostedAnswer, KeyRecord } from "../../shared/desk/hosted-api.ts";
import { NETWORK } from "../../shared/lez.ts";
import { newPolicy } from "../../shared/protocol/policy.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { agent, LEDGER, NOW, stranger } from "../fixtures.ts";
import { TestPasskey } from "../passkey.ts";
import { failed, FULL, type Scene } from "./scenes.ts";

const passkey = new TestPasskey("localhost", "0d".repeat(32));
const made = newPolicy(1, [passkey.account, stranger.account]);
if (!made.ok) throw new Error(made.problem);
const kept = { credentialId: "cGFzc2tleQ", publicKey: passkey.publicKey, rpId: "localhost", label: "My phone" };
const RECORD: KeyRecord = { account: made.account, policy: made.policy, passkeys: [kept] };

/** Behind `#/pair/`. */
export const PAIR_LINK = `${agent.publicKey}.${"0f".repeat(16)}`;

const SETTINGS: HostedAnswer<"settings"> = {
  agents: [
    { publicKey: agent.publicKey, name: "Research agent", pairedAt: at(-864_000), lastCallAt: at(-40), folded: 0 },
    { publicKey: stranger.publicKey, name: "Office agent", pairedAt: at(-90_000), lastCallAt: at(-5200), folded: 0 },
  ],
  devices: [{ id: "5a".repeat(32), label: "My phone", host: "fcm.googleapis.com", addedAt: at(-864_000) }],
  webhooks: [{ id: "5b".repeat(32), format: "ntfy", url: "https://ntfy.example/desk-7f3k9qpd", addedAt: at(-80_000) }],
  noticesSayMore: false,
};

function at(seconds: number): string {
  return formatTimestamp(NOW + seconds);
}

/** @param origin of the server that answers */
export function hostedScene(origin: string): Scene {
  const found = <Data>(data: Data): Answered<Data> => ({ ok: true, data });
  const state = FULL.state?.({});
  const calls = {
    desk: () => found({ kind: "hosted", origin, network: NETWORK, ledger: LEDGER, pushKey: "BAAA", localhost: true }),
    keys: () => found(RECORD),
    settings: () => found(SETTINGS),
    pairing: () => found({ agent: agent.publicKey, expiresAt: at(540) }),
    state: (): Answered<DeskState> => (state?.ok ? found({ ...state.data, account: RECORD.account }) : failed("internal", "no scene")),
    read: (ask: { request: string }) => {
      const read = FULL.read?.(ask);
      return read?.ok ? found({ view: { ...read.data.view, from: RECORD.account } }) : failed("internal", "no scene");
    },
  };
  return { ...FULL, ...calls } as Scene;
}
