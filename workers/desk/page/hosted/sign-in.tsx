/** Which account, and a proof of it: with its passkey here, or with its key on a terminal. */

import { useEffect, useState } from "preact/hooks";
import type { KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { readRecovery } from "../../../../shared/desk/recovery-file.ts";
import { type AccountId, parseAccountId } from "../../../../shared/protocol/account.ts";
import type { Problem, Result } from "../client.ts";
import { Heading, Id, Loading, Trouble } from "../parts.tsx";
import { knownAccount, usablePasskeys } from "./account.ts";
import type { HostedClient } from "./hosted-owner.ts";
import { More } from "./part.tsx";
import { FileField, TextField } from "./pieces.tsx";

interface SignInProps {
  client: HostedClient;
  /** Of the link that was opened. */
  linked: AccountId | undefined;
  /** With a passkey of the record. @param lost it is from a file: the desk is told of the keys again */
  prove: (record: KeyRecord, lost: boolean) => Promise<Result<unknown>>;
  signedIn: (record: KeyRecord) => void;
  create: () => void;
}

export function SignIn(props: SignInProps) {
  const { linked, create } = props;
  const [record, setRecord] = useState<KeyRecord | undefined>();
  const [account, setAccount] = useState(linked ?? knownAccount());
  const other = () => {
    setRecord(undefined);
    setAccount(undefined);
  };
  useEffect(() => {
    if (linked) setAccount(linked);
  }, [linked]);
  return (
    <>
      <Heading>Sign in</Heading>
      {account === undefined ? (
        <Which found={setAccount} loaded={(file) => (setRecord(file), setAccount(file.account))} />
      ) : (
        <Prove {...props} account={account} given={record} other={other} />
      )}
      <p>
        <button type="button" class="plain" onClick={create}>
          Make a new account
        </button>
      </p>
    </>
  );
}

function Which({ found, loaded }: { found: (account: AccountId) => void; loaded: (record: KeyRecord) => void }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | undefined>();
  const take = (event: Event) => {
    event.preventDefault();
    const read = parseAccountId(text);
    if (read.ok) found(read.account);
    else setProblem({ code: "account", message: `${read.problem[0]?.toUpperCase()}${read.problem.slice(1)}.` });
  };
  const load = (file: string) => {
    const read = readRecovery(file);
    if (read.ok) loaded(read.record);
    else setProblem({ code: "recovery", message: read.problem });
  };
  return (
    <form onSubmit={take}>
      <TextField label="Your account" value={text} set={setText} />
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main">
        Next
      </button>
      <FileField label="Or its recovery file" take={load} />
    </form>
  );
}

/** @param given from a recovery file: a desk that lost what it kept does not know the account */
function Prove(props: SignInProps & { account: AccountId; given: KeyRecord | undefined; other: () => void }) {
  const { client, account, given, other, prove, signedIn } = props;
  const [record, setRecord] = useState(given);
  const [lost, setLost] = useState(given !== undefined);
  const [problem, setProblem] = useState<Problem | undefined>();
  const [busy, setBusy] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    if (!given)
      void client.call("keys", { account }).then((keys) => {
        if (over) return;
        setProblem(keys.ok ? undefined : keys.error);
        if (keys.ok) setRecord({ ...keys.data, account });
      });
    return () => {
      over = true;
    };
  }, [account, given, round]);
  const signIn = async () => {
    if (!record || busy) return;
    setBusy(true);
    setProblem(undefined);
    const proved = await prove(record, lost);
    setBusy(false);
    if (proved.ok) signedIn(record);
    else setProblem(proved.error);
  };
  const passkeys = record ? usablePasskeys(record) : [];
  return (
    <section>
      <p>
        <Id text={account} />
      </p>
      {!record && !problem && <Loading />}
      {!record && problem && <Trouble problem={problem} again={() => setRound((n) => n + 1)} />}
      {record && passkeys.length > 0 && (
        <>
          {problem && <Trouble problem={problem} />}
          <button type="button" class="main" disabled={busy} onClick={() => void signIn()}>
            {busy ? "Signing in…" : "Sign in with my passkey"}
          </button>
        </>
      )}
      {record && passkeys.length === 0 && (
        <More>
          {({ AtTerminal }) => (
            <AtTerminal
              client={client}
              account={account}
              record={record}
              lost={lost}
              load={(file) => (setRecord(file), setLost(true))}
              signedIn={signedIn}
            />
          )}
        </More>
      )}
      <button type="button" class="plain wide" onClick={other}>
        Another account
      </button>
    </section>
  );
}
