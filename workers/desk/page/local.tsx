/** The desk on the owner's machine: its link carries a token, and its server opens the sealed key. */

import { render } from "preact";
import { useMemo } from "preact/hooks";
import type { Answer, DeskCalls } from "../../../shared/desk/api.ts";
import { App, NoKey } from "./app.tsx";
import { type Asks, deskClient, type Result } from "./client.ts";
import type { Owner, Told } from "./owner.ts";
import { useCall } from "./use-call.ts";

const HINT = "Is lez-agent-pay desk still running in its terminal? This page tries again by itself.";

/** @param token absent if the link had none */
export function start(token: string | undefined, place: HTMLElement): void {
  render(token === undefined ? <NoKey /> : <LocalDesk client={deskClient<DeskCalls>(HINT, token)} />, place);
}

const STATE_MILLIS = 10_000;

function LocalDesk({ client }: { client: Asks<DeskCalls> }) {
  const state = useCall(client, "state", {}, STATE_MILLIS);
  const sealed = state.data?.sealed ?? true;
  const owner = useMemo(() => localOwner(client, sealed), [client, sealed]);
  return <App client={client} owner={owner} state={state} />;
}

function localOwner(client: Asks<DeskCalls>, sealed: boolean): Owner {
  return {
    proof: sealed ? "passphrase" : "nothing",
    grants: false,
    terminal: "on this machine",
    read: (request, expiresIn) => client.call("read", { request, ...(expiresIn !== undefined && { expiresIn }) }),
    async approve({ id = "", view }, { typed, passphrase }) {
      const answer = await client.call("approve", { reading: id, digest: view.checked.digest, typed, ...secret(passphrase) });
      return told(answer, answer.ok && answer.data.awaited ? ["The agent waits for this, and pays now."] : []);
    },
    async decline({ requestDigest }, { code, note, passphrase }) {
      const ask = { request: requestDigest, code, ...(note !== undefined && { note }), ...secret(passphrase) };
      return told(await client.call("decline", ask));
    },
    async declineUnsigned({ requestDigest }, { code, note }) {
      return told(await client.call("decline", { request: requestDigest, code, ...(note !== undefined && { note }) }));
    },
    async takeBack({ requestDigest }, { code, note, passphrase }) {
      const ask = { request: requestDigest, code, ...(note !== undefined && { note }), ...secret(passphrase) };
      const answer = await client.call("takeBack", ask);
      return told(answer, answer.ok ? closingNotes(answer.data) : []);
    },
    async revoke({ mandate }, passphrase) {
      return told(await client.call("revokeMandate", { mandate, ...secret(passphrase) }));
    },
  };
}

function closingNotes({ closing }: Answer<"takeBack">): string[] {
  if (!closing) return [];
  const until = closing.until === undefined ? "" : `, until ${closing.until}`;
  return [`The session closes. Its merchant can still claim what the agent has signed, at most ${closing.atMost.display}${until}.`];
}

function secret(passphrase: string | undefined) {
  return passphrase === undefined ? {} : { passphrase };
}

function told(answer: Result<unknown>, first: string[] = []): Result<Told> {
  return answer.ok ? { ok: true, data: { notes: [...first, ...(answer.notes ?? [])] } } : answer;
}
