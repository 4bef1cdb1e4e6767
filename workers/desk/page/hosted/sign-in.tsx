/** Which account, and a proof of it: with its passkey here, or with its key on a terminal. */

import { useEffect, useState } from "preact/hooks";
import { fromBase64url } from "../../../../shared/crypto/bytes.ts";
import type { KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { readRecovery } from "../../../../shared/desk/recovery-file.ts";
import { type AccountId, parseAccountId } from "../../../../shared/protocol/account.ts";
import type { SignedLogin } from "../../../../shared/protocol/desk.ts";
import type { Problem, Result } from "../client.ts";
import { Heading, Id, Loading, Trouble } from "../parts.tsx";
import { knownAccount, usablePasskeys } from "./account.ts";
import type { HostedClient } from "./hosted-owner.ts";
import { Command, FileField, TextField } from "./pieces.tsx";

interface SignInProps {
  client: HostedClient;
  /** Of the link that was opened. */
  linked: AccountId | undefined;
  /** With a passkey of the record. */
  prove: (record: KeyRecord) => Promise<Result<unknown>>;
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
    const proved = await prove(record);
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
      {record && passkeys.length === 0 && <AtTerminal {...props} record={record} load={setRecord} />}
      <button type="button" class="plain wide" onClick={other}>
        Another account
      </button>
    </section>
  );
}

interface AtTerminalProps extends SignInProps {
  account: AccountId;
  record: KeyRecord;
  load: (record: KeyRecord) => void;
}

function AtTerminal({ client, account, record, load, signedIn }: AtTerminalProps) {
  const [nonce, setNonce] = useState<string | undefined>();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | undefined>();
  useEffect(() => {
    void client.call("loginNonce", { account }).then((asked) => (asked.ok ? setNonce(asked.data.nonce) : setProblem(asked.error)));
  }, [account]);
  const sign = async (event: Event) => {
    event.preventDefault();
    const login = signedLogin(text.trim());
    if (!login) return setProblem({ code: "login", message: "This is not what the command prints." });
    const answer = await client.call("login", { login });
    if (answer.ok) signedIn(record);
    else setProblem(answer.error);
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
        {nonce !== undefined && <Command text={`lez-agent-pay desk sign-in ${location.origin} --nonce ${nonce}`} />}
        <TextField label="What the command prints" value={text} set={setText} />
        <button type="submit" class="main">
          Sign in
        </button>
      </form>
      {problem && <Trouble problem={problem} />}
    </>
  );
}

/** base64url of the JSON of a SignedLogin. The desk checks it. */
function signedLogin(text: string): SignedLogin | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(fromBase64url(text))) as SignedLogin;
    return typeof value.login === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}
