/** Signing in to an account of which the desk knows no passkey: by its recovery file, or by its key on a terminal. */

import { useEffect, useState } from "preact/hooks";
import type { KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { readRecovery } from "../../../../shared/desk/recovery-file.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { SignedLogin } from "../../../../shared/protocol/desk.ts";
import type { Problem } from "../client.ts";
import { Command } from "../command.tsx";
import { Trouble } from "../parts.tsx";
import { commandAt } from "./account.ts";
import { printed, useDeskSigner } from "./desk-signer.tsx";
import type { HostedClient } from "./hosted-owner.ts";
import { FileField, TextField } from "./pieces.tsx";

interface AtTerminalProps {
  client: HostedClient;
  account: AccountId;
  record: KeyRecord;
  /** The record is from a file: the desk is told of the keys again. */
  lost: boolean;
  load: (record: KeyRecord) => void;
  signedIn: (record: KeyRecord) => void;
}

export function AtTerminal({ client, account, record, lost, load, signedIn }: AtTerminalProps) {
  const { signer, sheet } = useDeskSigner(client, record, undefined);
  const [nonce, setNonce] = useState<string | undefined>();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | undefined>();
  useEffect(() => {
    void client.call("loginNonce", { account }).then((asked) => (asked.ok ? setNonce(asked.data.nonce) : setProblem(asked.error)));
  }, [account]);
  const sign = async (event: Event) => {
    event.preventDefault();
    const login = printed(text.trim());
    if (!login || !("login" in login)) return setProblem({ code: "login", message: "This is not what the command prints." });
    const answer = await client.call("login", { login: login as SignedLogin });
    if (!answer.ok) return setProblem(answer.error);
    setProblem(undefined);
    // Without it the desk knows the keys as long as this page is open.
    if (lost) await signer.set("keys.set", record);
    signedIn(record);
  };
  const loaded = (file: string) => {
    const read = readRecovery(file);
    if (!read.ok) return setProblem({ code: "recovery", message: read.problem });
    if (read.record.account !== account) return setProblem({ code: "recovery", message: "This is the recovery file of another account." });
    setProblem(undefined);
    load(read.record);
  };
  return (
    <>
      <p>The desk knows no passkey of this account on this domain.</p>
      <FileField label="If it has one: load the recovery file" take={loaded} />
      <form onSubmit={(event) => void sign(event)}>
        <p class="quiet small">If its key is a file on another machine: run this there.</p>
        {nonce !== undefined && <Command text={commandAt(record, `sign-in ${nonce}`)} />}
        <TextField label="What the command prints" value={text} set={setText} />
        <button type="submit" class="main">
          Sign in
        </button>
      </form>
      {problem && <Trouble problem={problem} />}
      {sheet}
    </>
  );
}
