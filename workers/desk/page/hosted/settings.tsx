/** What the desk does for the account: its agents, its devices, where notices go, and the account itself. Each change is signed. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { DeskSettings, HostedDesk, KeyRecord, SettingName, WebhookFormat } from "../../../../shared/desk/hosted-api.ts";
import { recoveryFile } from "../../../../shared/desk/recovery-file.ts";
import type { Problem, Result } from "../client.ts";
import { Command } from "../command.tsx";
import { Field } from "../field.tsx";
import { Foreign, Heading, Id, Loading, saveFile, Time, Trouble } from "../parts.tsx";
import { useCall } from "../use-call.ts";
import { useDeskSigner } from "./desk-signer.tsx";
import type { HostedClient, HostedOwner } from "./hosted-owner.ts";
import { TextField } from "./pieces.tsx";
import { subscribe, type Subscribed } from "./push.ts";

interface SettingsProps {
  client: HostedClient;
  desk: HostedDesk;
  record: KeyRecord;
  /** Absent if the account's key is elsewhere. */
  owner: HostedOwner | undefined;
  signOut: () => void;
}

/** Signs one change and takes what the desk then has. */
type Change = (setting: SettingName, value: object) => Promise<boolean>;

export function Settings({ client, desk, record, owner, signOut }: SettingsProps) {
  const { data, problem, reload } = useCall(client, "settings", {});
  const [changed, setChanged] = useState<DeskSettings | undefined>();
  const [refusal, setRefusal] = useState<Problem | undefined>();
  const take = (answer: Result<DeskSettings>): boolean => {
    if (answer.ok) setChanged(answer.data);
    setRefusal(answer.ok ? undefined : answer.error);
    return answer.ok;
  };
  const { signer, sheet } = useDeskSigner(client, record, owner);
  const change: Change = async (setting, value) => take(await signer.set(setting, value));
  const settings = changed ?? data;
  return (
    <div class="narrow">
      <Heading>Settings</Heading>
      <Account record={record} signOut={signOut} />
      {problem && <Trouble problem={problem} again={reload} />}
      {refusal && <Trouble problem={refusal} />}
      {!settings && !problem && <Loading />}
      {settings && (
        <>
          <Agents settings={settings} change={change} />
          <Devices settings={settings} desk={desk} change={change} refuse={setRefusal} />
          <Webhooks settings={settings} change={change} />
          <Saying settings={settings} change={change} />
        </>
      )}
      {sheet}
    </div>
  );
}

interface PartProps {
  settings: DeskSettings;
  change: Change;
}

function Agents({ settings: { agents }, change }: PartProps) {
  return (
    <Part title="Agents">
      {agents.length === 0 && (
        <p class="quiet">
          No agent is paired. <code>lez-agent-pay pair</code> prints a link to open here.
        </p>
      )}
      <Rows>
        {agents.map(({ publicKey, name, pairedAt, lastCallAt, folded }) => (
          <Row key={publicKey} remove={() => void change("agent.unpair", { publicKey })} word="Unpair" name={name}>
            <span class="host">
              <Foreign text={name} />
            </span>
            <span class="quiet small">
              <Id text={publicKey} />
            </span>
            <span class="quiet small">
              since <Time at={pairedAt} />
              {lastCallAt !== undefined && (
                <>
                  , last seen <Time at={lastCallAt} />
                </>
              )}
              {folded > 0 && `, ${folded} requests too fast`}
            </span>
          </Row>
        ))}
      </Rows>
    </Part>
  );
}

interface DevicesProps extends PartProps {
  desk: HostedDesk;
  refuse: (problem: Problem | undefined) => void;
}

function Devices({ settings: { devices }, desk: { pushKey }, change, refuse }: DevicesProps) {
  const [label, setLabel] = useState("This device");
  const add = async (event: Event) => {
    event.preventDefault();
    if (pushKey === undefined) return;
    const made = await subscribe(pushKey);
    if (made.ok) await change("device.add", { subscription: made.subscription, label: label.trim().normalize("NFC") });
    else refuse({ code: "push", message: NOT_SUBSCRIBED[made.problem] });
  };
  return (
    <Part title="Notices on devices">
      <Rows>
        {devices.map(({ id, label, host, addedAt, lastProblem }) => (
          <Row key={id} remove={() => void change("device.remove", { id })} word="Remove" name={label}>
            <span class="host">
              <Foreign text={label} />
            </span>
            <span class="quiet small">
              <Foreign text={host} />, since <Time at={addedAt} />
            </span>
            {lastProblem !== undefined && (
              <span class="small">
                <Foreign text={lastProblem} />
              </span>
            )}
          </Row>
        ))}
      </Rows>
      {pushKey === undefined ? (
        <p class="quiet">This desk sends no notices to browsers.</p>
      ) : (
        <form onSubmit={(event) => void add(event)}>
          <TextField label="Your name for this device" value={label} set={setLabel} />
          <button type="submit" class="plain">
            Notify this device
          </button>
        </form>
      )}
    </Part>
  );
}

const NOT_SUBSCRIBED: Record<Extract<Subscribed, { ok: false }>["problem"], string> = {
  unsupported: "This browser takes no notices. A phone may need the page on its home screen first.",
  denied: "This browser does not show notices of this page. Allow them for this site, then try again.",
  failed: "This browser gave no address for notices. It may be a private window, or its push service cannot be reached.",
};

const FORMATS = ["ntfy", "slack", "discord"] as const satisfies readonly WebhookFormat[];

function Webhooks({ settings: { webhooks }, change }: PartProps) {
  const [format, setFormat] = useState<WebhookFormat>("ntfy");
  const [url, setUrl] = useState("");
  const add = async (event: Event) => {
    event.preventDefault();
    if (await change("webhook.add", { format, url: url.trim() })) setUrl("");
  };
  return (
    <Part title="Notices to addresses">
      <Rows>
        {webhooks.map(({ id, format, url, lastProblem }) => (
          <Row key={id} remove={() => void change("webhook.remove", { id })} word="Remove" name={url}>
            <span class="host">{format}</span>
            <span class="quiet small">
              <Foreign text={url} />
            </span>
            {lastProblem !== undefined && (
              <span class="small">
                <Foreign text={lastProblem} />
              </span>
            )}
          </Row>
        ))}
      </Rows>
      <form onSubmit={(event) => void add(event)}>
        <Field label="Format">
          {(id) => (
            <select id={id} value={format} onChange={({ currentTarget }) => setFormat(currentTarget.value as WebhookFormat)}>
              {FORMATS.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          )}
        </Field>
        <TextField label="Address (https)" value={url} set={setUrl} />
        <button type="submit" class="plain">
          Add
        </button>
      </form>
    </Part>
  );
}

function Saying({ settings: { noticesSayMore }, change }: PartProps) {
  return (
    <Part title="What notices say">
      <p class="quiet">
        {noticesSayMore
          ? "Who asks, how much, the short code, the reason and the address: services that carry notices can read all of it."
          : "Who asks, how much, and the short code."}
      </p>
      <button type="button" class="plain" onClick={() => void change("notices.say-more", { on: !noticesSayMore })}>
        {noticesSayMore ? "Say less" : "Say the reason and the address too"}
      </button>
    </Part>
  );
}

function Account({ record: { account, policy, passkeys }, signOut }: { record: KeyRecord; signOut: () => void }) {
  return (
    <Part title="Account">
      <p>
        <Id text={account} />
      </p>
      <p class="quiet small">
        {policy
          ? `${policy.threshold} of its ${policy.keys.length} keys ${policy.threshold === "1" ? "signs" : "sign"}.`
          : "One key signs."}{" "}
        It ends with this domain, unless a key file is one of its keys.
      </p>
      <p class="quiet small">On another device of yours, open:</p>
      <Command text={`${location.origin}/#/account/${account}`} />
      <p class="buttons">
        {policy && (
          <button
            type="button"
            class="plain"
            onClick={() =>
              saveFile({
                name: "recovery.json",
                type: "application/json",
                text: `${JSON.stringify(recoveryFile({ account, policy, passkeys }), undefined, 2)}\n`,
              })
            }
          >
            Save the recovery file
          </button>
        )}
        <button type="button" class="plain" onClick={signOut}>
          Sign out
        </button>
      </p>
    </Part>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Rows({ children }: { children: ComponentChildren[] }) {
  return children.length === 0 ? null : <ul class="settings">{children}</ul>;
}

interface RowProps {
  remove: () => void;
  word: string;
  name: string;
  children: ComponentChildren;
}

function Row({ remove, word, name, children }: RowProps) {
  return (
    <li>
      <span class="what">{children}</span>
      <button type="button" class="plain" onClick={remove}>
        {word}
        <span class="visually-hidden">
          {" "}
          <Foreign text={name} />
        </span>
      </button>
    </li>
  );
}
