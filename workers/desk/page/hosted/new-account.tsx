/** Makes an account: a passkey of this device, a second key, and the recovery file that the owner must have kept before it is paid to. */

import { useState } from "preact/hooks";
import { fromBase64url, toBase64url, utf8 } from "../../../../shared/crypto/bytes.ts";
import type { KeptPasskey, KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { readRecovery, recoveryFile } from "../../../../shared/desk/recovery-file.ts";
import { MAX_NAME_LENGTH } from "../../../../shared/limits.ts";
import { parseAccountId } from "../../../../shared/protocol/account.ts";
import { newPolicy } from "../../../../shared/protocol/policy.ts";
import type { Problem, Result } from "../client.ts";
import { Command } from "../command.tsx";
import { Heading, Id, saveFile, Trouble } from "../parts.tsx";
import { accountOfKept, type Draft, isKept, keepDraft, keptDraft } from "./account.ts";
import { sealedOwnerKey } from "./owner-key.ts";
import { makePasskey } from "./passkey.ts";
import { FileField, TextField } from "./pieces.tsx";

/** How much of the account's end is typed, to show that its file is at hand. */
const LAST_CHARACTERS = 6;
const MIN_PASSPHRASE_LENGTH = 8;

interface NewAccountProps {
  /** Signs in and tells the desk which keys the account has. */
  open: (record: KeyRecord) => Promise<Result<unknown>>;
  back: () => void;
}

export function NewAccount({ open, back }: NewAccountProps) {
  const [draft, setDraft] = useState(keptDraft);
  const next = (more: Partial<Draft>) => {
    const changed = { ...draft, ...more };
    keepDraft(changed);
    setDraft(changed);
  };
  const again = () => {
    keepDraft(undefined);
    setDraft({ threshold: 1 });
  };
  return (
    <>
      <Heading>A new account</Heading>
      <ol class="steps" aria-label="Steps">
        {STEPS.map((step, i) => (
          <li key={step} aria-current={i === stepOf(draft) ? "step" : undefined}>
            {step}
          </li>
        ))}
      </ol>
      {!draft.first && <First next={next} />}
      {draft.first && !draft.second && <Second first={draft.first} next={next} />}
      {draft.first && draft.second && <Recovery draft={draft} first={draft.first} second={draft.second} next={next} open={open} />}
      <p class="buttons">
        <button type="button" class="plain" onClick={back}>
          I have an account
        </button>
        {draft.first && (
          <button type="button" class="plain" onClick={again}>
            Begin again
          </button>
        )}
      </p>
    </>
  );
}

const STEPS = ["A passkey", "A second key", "The recovery file"] as const;
const stepOf = ({ first, second }: Draft) => (first ? (second ? 2 : 1) : 0);

type Next = (more: Partial<Draft>) => void;

function First({ next }: { next: Next }) {
  return (
    <section>
      <p>
        You approve payments with a passkey: the fingerprint, face or PIN with which you unlock this device. It works on{" "}
        <b translate={false}>{location.hostname}</b> and nowhere else: <b>if this domain ends, the passkey ends with it.</b> That is why the
        account gets a second key.
      </p>
      <MakePasskey before={[]} made={(first) => next({ first })} />
    </section>
  );
}

/** @param before passkeys of the account: another device is asked */
export function MakePasskey({ before, made }: { before: readonly KeptPasskey[]; made: (passkey: KeptPasskey) => void }) {
  const [label, setLabel] = useState(before.length === 0 ? "This device" : "Another device");
  const [problem, setProblem] = useState<Problem | undefined>();
  const make = async (event: Event) => {
    event.preventDefault();
    setProblem(undefined);
    const passkey = await makePasskey(Array.from(label.trim().normalize("NFC")).slice(0, MAX_NAME_LENGTH).join(""), before);
    if (passkey.ok) made(passkey.data);
    else setProblem(passkey.error);
  };
  return (
    <form onSubmit={(event) => void make(event)}>
      <TextField label="Your name for the device" value={label} set={setLabel} />
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main">
        Make a passkey
      </button>
    </form>
  );
}

function Second({ first, next }: { first: KeptPasskey; next: Next }) {
  const [way, setWay] = useState<"file" | "device" | "other">("file");
  return (
    <section>
      <p>
        With the second key you keep your money when this device is lost. <b>Either of the two spends alone</b>, unless you choose otherwise
        below: keep it where no agent can read it.
      </p>
      <fieldset>
        <legend class="visually-hidden">Which second key</legend>
        {WAYS.map(({ value, text }) => (
          <label key={value} class="choice">
            <input type="radio" name="way" value={value} checked={way === value} onChange={() => setWay(value)} />
            {text}
          </label>
        ))}
      </fieldset>
      {way === "file" && <KeyFile next={next} />}
      {way === "device" && (
        <MakePasskey before={[first]} made={(passkey) => next({ second: { account: accountOfKept(passkey), passkey } })} />
      )}
      {way === "other" && <Carried first={first} next={next} />}
    </section>
  );
}

const WAYS = [
  { value: "file", text: "A key file, sealed with a passphrase: it also works when the domain has ended" },
  { value: "device", text: "A passkey on another phone or a security key, which this browser asks" },
  { value: "other", text: "A key that I made elsewhere" },
] as const;

function KeyFile({ next }: { next: Next }) {
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const make = async (event: Event) => {
    event.preventDefault();
    const complaint =
      Array.from(passphrase).length < MIN_PASSPHRASE_LENGTH
        ? `The passphrase needs at least ${MIN_PASSPHRASE_LENGTH} characters.`
        : passphrase === again
          ? undefined
          : "The two passphrases are not the same.";
    if (busy || complaint !== undefined)
      return setProblem(complaint === undefined ? undefined : { code: "passphrase", message: complaint });
    setBusy(true);
    setProblem(undefined);
    const key = await sealedOwnerKey(passphrase);
    setPassphrase("");
    setAgain("");
    saveFile({ name: `second-key-${key.account.slice(0, 6)}.json`, type: "application/json", text: key.text });
    next({ second: { account: key.account } });
  };
  return (
    <form onSubmit={(event) => void make(event)} autocomplete="off">
      <TextField label="Passphrase for the key file" secret value={passphrase} set={setPassphrase} />
      <TextField label="The same passphrase again" secret value={again} set={setAgain} />
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main" disabled={busy}>
        {busy ? "Sealing…" : "Make and save the key file"}
      </button>
      <p class="quiet small">
        The file is useless without the passphrase, and the passphrase without the file. <code>lez-agent-pay recover</code> takes both,
        after <code>chmod 600</code>.
      </p>
    </form>
  );
}

function Carried({ first, next }: { first: KeptPasskey; next: Next }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | undefined>();
  const take = (event: Event) => {
    event.preventDefault();
    const key = carriedKey(text.trim());
    const complain = (message: string) => setProblem({ code: "key", message });
    if (!key) complain("This is neither an account nor the text that the other device shows.");
    else if (key.account === accountOfKept(first)) complain("This is the first key of the account. The second must be another one.");
    else next({ second: key });
  };
  return (
    <form onSubmit={take}>
      <p class="quiet small">On the other device, open this link and make a passkey there:</p>
      <Command text={`${location.origin}/#/key`} />
      <TextField
        label="What the other device shows"
        hint="Or the account of a key file of yours, as lez-agent-pay owner create prints it."
        value={text}
        set={setText}
      />
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main">
        Take this key
      </button>
    </form>
  );
}

/** Of the text that `SecondDevice` shows, or of an account. */
function carriedKey(text: string): Draft["second"] {
  const account = parseAccountId(text);
  if (account.ok) return { account: account.account };
  try {
    const passkey: unknown = JSON.parse(new TextDecoder().decode(fromBase64url(text)));
    return isKept(passkey) && passkey.rpId === location.hostname ? { account: accountOfKept(passkey), passkey } : undefined;
  } catch {
    return undefined;
  }
}

/** On the second device: makes its passkey, and shows what the first one needs. Nothing of it is secret. */
export function SecondDevice() {
  const [made, setMade] = useState<KeptPasskey | undefined>();
  return (
    <>
      <Heading>A second passkey</Heading>
      {made ? (
        <>
          <p>Give this text to the device on which you make the account. It is not secret.</p>
          <Command text={toBase64url(utf8(JSON.stringify(made)))} />
          <p>
            The other device then shows this key. <b>Compare it:</b>
          </p>
          <p>
            <Id text={accountOfKept(made)} />
          </p>
        </>
      ) : (
        <>
          <p>Make a passkey here for an account that you make on another device. Either of the two can then spend alone.</p>
          <MakePasskey before={[]} made={setMade} />
        </>
      )}
    </>
  );
}

interface RecoveryProps {
  draft: Draft;
  first: KeptPasskey;
  second: NonNullable<Draft["second"]>;
  next: Next;
  open: (record: KeyRecord) => Promise<Result<unknown>>;
}

function Recovery({ draft: { threshold, saved }, first, second, next, open }: RecoveryProps) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const made = newPolicy(threshold, [accountOfKept(first), second.account]);
  if (!made.ok) return <Trouble problem={{ code: made.code, message: `These two keys make no account: ${made.problem}.` }} />;
  const { account, policy } = made;
  const record: KeyRecord = { account, policy, passkeys: [first, ...(second.passkey ? [second.passkey] : [])] };
  const file = `${JSON.stringify(recoveryFile({ account, policy, passkeys: record.passkeys }), undefined, 2)}\n`;
  const complain = (message: string) => setProblem({ code: "recovery", message });
  const loaded = (text: string) => {
    const read = readRecovery(text);
    if (!read.ok) return complain(read.problem);
    if (read.record.account !== account) return complain("This is the recovery file of another account.");
    setProblem(undefined);
    next({ saved: true });
  };
  const type = (text: string) => {
    setTyped(text);
    if (text.trim() === account.slice(-LAST_CHARACTERS)) next({ saved: true });
  };
  const finish = async () => {
    setBusy(true);
    setProblem(undefined);
    const opened = await open(record);
    setBusy(false);
    if (!opened.ok) setProblem(opened.error);
  };
  return (
    <section>
      <dl class="facts compact">
        <div>
          <dt>First key</dt>
          <dd>the passkey “{first.label}”</dd>
        </div>
        <div>
          <dt>Second key</dt>
          <dd>
            {second.passkey ? `the passkey “${second.passkey.label}”: ` : "the key "}
            <Id text={second.account} />
          </dd>
        </div>
      </dl>
      <fieldset disabled={saved}>
        <legend>
          <h2>Who spends?</h2>
        </legend>
        <label class="choice">
          <input type="radio" name="threshold" checked={threshold === 1} onChange={() => next({ threshold: 1, saved: false })} />
          Either of the two spends alone
        </label>
        <label class="choice">
          <input type="radio" name="threshold" checked={threshold === 2} onChange={() => next({ threshold: 2, saved: false })} />
          Both together: if one of them is lost, the money is lost
        </label>
      </fieldset>
      <p>
        The recovery file says how the account is made. It is not secret, and <b>without it the second key cannot find the account</b>. An
        account can never get other keys: keep the file as long as the account.
      </p>
      <button
        type="button"
        class={saved ? "plain" : "main"}
        onClick={() => saveFile({ name: "recovery.json", type: "application/json", text: file })}
      >
        Save the recovery file
      </button>
      {saved ? (
        <>
          <p class="note good" role="status">
            ✓ You have the recovery file.
          </p>
          <button type="button" class="main" disabled={busy} onClick={() => void finish()}>
            {busy ? "Opening…" : "Open the account at this desk"}
          </button>
        </>
      ) : (
        <>
          <FileField label="Show that you have it: load it back" take={loaded} />
          <TextField
            label="Or type the end of the account in it"
            hint={`The last ${LAST_CHARACTERS} characters of "account".`}
            required={false}
            value={typed}
            set={type}
          />
        </>
      )}
      {problem && <Trouble problem={problem} />}
    </section>
  );
}
