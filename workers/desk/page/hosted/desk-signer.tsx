/** Who signs pairings and settings: the passkey on this page, or the key on another machine, which a sheet asks for by a command. */

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { fromBase64url } from "../../../../shared/crypto/bytes.ts";
import { canonicalJson } from "../../../../shared/crypto/digest.ts";
import type { HostedAnswer, KeyRecord, SettingName } from "../../../../shared/desk/hosted-api.ts";
import { type SignElsewhere, signElsewhereText } from "../../../../shared/desk/sign-elsewhere.ts";
import type { Pairing, SignedDeskSetting, SignedPairing } from "../../../../shared/protocol/desk.ts";
import type { Problem, Result } from "../client.ts";
import { Command } from "../command.tsx";
import { Trouble } from "../parts.tsx";
import { Facts } from "../request-parts.tsx";
import { commandAt } from "./account.ts";
import { deskSettingOf } from "./desk-setting.ts";
import type { HostedClient, HostedOwner } from "./hosted-owner.ts";
import { TextField } from "./pieces.tsx";
import { shownOf } from "./to-prove.ts";

interface DeskSigner {
  pair(pairing: Pairing, name: string): Promise<Result<HostedAnswer<"pair">>>;
  set(setting: SettingName, value: object): Promise<Result<HostedAnswer<"set">>>;
}

/** Signed elsewhere, and compared with what was asked. */
type Signed = SignedPairing | SignedDeskSetting;

interface Question {
  what: SignElsewhere;
  /** Resolves with why the desk refused it. */
  send: (signed: Signed) => Promise<Problem | undefined>;
  leave: () => void;
}

/** @param owner absent if the account's key is elsewhere. `sheet` is then part of the page */
export function useDeskSigner(
  client: HostedClient,
  record: KeyRecord,
  owner: HostedOwner | undefined,
): { signer: DeskSigner; sheet: ComponentChildren } {
  const [question, setQuestion] = useState<Question | undefined>();
  const elsewhere = useMemo((): DeskSigner => {
    const ask = <Data,>(what: SignElsewhere, call: (signed: Signed) => Promise<Result<Data>>): Promise<Result<Data>> =>
      new Promise((resolve) => {
        const settle = (result: Result<Data>) => {
          setQuestion(undefined);
          resolve(result);
        };
        setQuestion({
          what,
          send: async (signed) => {
            const answer = await call(signed);
            if (!answer.ok) return answer.error;
            settle(answer);
            return undefined;
          },
          leave: () => settle({ ok: false, error: { code: "terminal", message: "Nothing was sent to the desk." } }),
        });
      });
    return {
      pair: (object, name) =>
        ask({ type: "Pairing", object }, (pairing) => client.call("pair", { pairing: pairing as SignedPairing, name })),
      set: (setting, value) =>
        ask({ type: "DeskSetting", object: deskSettingOf(record.account, setting, value) }, (signed) =>
          client.call("set", { setting: signed as SignedDeskSetting }),
        ),
    };
  }, [client, record]);
  const here = useMemo((): DeskSigner | undefined => owner && passkeySigner(client, owner), [client, owner]);
  if (here) return { signer: here, sheet: null };
  return { signer: elsewhere, sheet: question && <Sheet question={question} record={record} /> };
}

function passkeySigner(client: HostedClient, owner: HostedOwner): DeskSigner {
  return {
    pair: (object, name) =>
      owner.prove(object.secret, { type: "Pairing", object }, (pairing, proof) =>
        client.call("pair", { pairing: { pairing, proof }, name }),
      ),
    set: (setting, value) => owner.set(setting, value),
  };
}

function Sheet({ question: { what, send, leave }, record }: { question: Question; record: KeyRecord }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | undefined>();
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const take = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    const signed = readSigned(what, text.trim());
    if (typeof signed === "string") return setProblem({ code: "signed", message: signed });
    setBusy(true);
    const refusal = await send(signed);
    setBusy(false);
    setProblem(refusal);
  };
  const shown = shownOf(what);
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="elsewhere" onCancel={(event) => (event.preventDefault(), leave())}>
      <h2 id="elsewhere">{shown?.title}</h2>
      {shown && <Facts facts={shown.facts} />}
      <form onSubmit={(event) => void take(event)}>
        <p class="quiet small">Run this where your key is, within five minutes. It shows the same before it signs.</p>
        <Command text={commandAt(record, `sign ${signElsewhereText(what)}`)} />
        <TextField label="What it prints" value={text} set={setText} />
        {problem && <Trouble problem={problem} />}
        <button type="submit" class="main" disabled={busy}>
          Hand it over
        </button>
      </form>
      <button type="button" class="plain wide" onClick={leave}>
        Not now
      </button>
    </dialog>
  );
}

/** The JSON that a command printed as base64url; undefined for anything else. */
export function printed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(fromBase64url(text)));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @returns a sentence if it is not what was asked. The desk checks the proof */
function readSigned({ type, object }: SignElsewhere, text: string): Signed | string {
  const value: Partial<SignedPairing & SignedDeskSetting> | undefined = printed(text);
  const signed = type === "Pairing" ? value?.pairing : value?.deskSetting;
  if (!signed) return "This is not what the command prints.";
  return canonicalJson(signed) === canonicalJson(object)
    ? (value as Signed)
    : "What was signed is not what this page asked for. It was not sent.";
}
