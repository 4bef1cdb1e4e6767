/** The desk on a host of the owner's: who is signed in, and its pages. */

import { render } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { HostedCalls, HostedDesk, KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { parseAccountId } from "../../../../shared/protocol/account.ts";
import { App, Outside } from "../app.tsx";
import { deskClient, type Result } from "../client.ts";
import { Heading, Loading } from "../parts.tsx";
import { type HostedRoute, type Route, useRoute } from "../router.ts";
import { useCall } from "../use-call.ts";
import { keepDraft, keptDraft, rememberAccount, usablePasskeys } from "./account.ts";
import { type HostedClient, HostedOwner } from "./hosted-owner.ts";
import { More } from "./part.tsx";
import { SignIn } from "./sign-in.tsx";
import { SigningQueue, SigningSheet } from "./signing.tsx";
import { terminalOwner } from "./terminal-owner.tsx";

const STATE_MILLIS = 10_000;
const HINT = "Are you online? This page tries again by itself.";

export function start(desk: HostedDesk, place: HTMLElement): void {
  render(<Hosted desk={desk} client={deskClient<HostedCalls>(HINT)} />, place);
}

interface HostedProps {
  desk: HostedDesk;
  client: HostedClient;
}

function Hosted({ desk, client }: HostedProps) {
  const [queue] = useState(() => new SigningQueue());
  const [record, setRecord] = useState<KeyRecord | undefined>();
  const [looked, setLooked] = useState(false);
  const [creating, setCreating] = useState(() => keptDraft().first !== undefined);
  const route = useRoute();
  useEffect(() => {
    void signedInBefore(client).then((found) => {
      setRecord(found);
      setLooked(true);
    });
  }, [client]);
  const signedIn = (found: KeyRecord) => {
    rememberAccount(found.account);
    setRecord(found);
    if (route.page === "account") location.hash = "#/";
  };
  const ownerOf = (of: KeyRecord) => new HostedOwner(client, desk, of, queue);
  /** @param unknown the desk does not know the account's keys yet, or no more */
  const enter = async (of: KeyRecord, unknown: boolean): Promise<Result<unknown>> => {
    const owner = ownerOf(of);
    const entered = await owner.signIn();
    return entered.ok && unknown ? owner.set("keys.set", of) : entered;
  };
  const open = async (made: KeyRecord): Promise<Result<unknown>> => {
    const kept = await enter(made, true);
    if (!kept.ok) return kept;
    keepDraft(undefined);
    setCreating(false);
    signedIn(made);
    location.hash = "#/settings";
    return kept;
  };
  const page = () => {
    if (desk.origin !== location.origin)
      return (
        <Outside>
          <Heading>This desk is at another address</Heading>
          <p>
            It says that it is <b>{desk.origin}</b>. Open it there.
          </p>
        </Outside>
      );
    if (route.page === "key")
      return (
        <Outside>
          <More>{({ SecondDevice }) => <SecondDevice />}</More>
        </Outside>
      );
    if (!looked)
      return (
        <Outside>
          <Loading />
        </Outside>
      );
    if (record) return <SignedIn desk={desk} client={client} queue={queue} record={record} leave={() => setRecord(undefined)} />;
    return (
      <Outside>
        {creating ? (
          <More>{({ NewAccount }) => <NewAccount open={open} back={() => setCreating(false)} />}</More>
        ) : (
          <SignIn
            client={client}
            linked={linkedAccount(route)}
            prove={(of, lost) => enter(of, lost)}
            signedIn={signedIn}
            create={() => setCreating(true)}
          />
        )}
      </Outside>
    );
  };
  return (
    <>
      {page()}
      <SigningSheet queue={queue} />
    </>
  );
}

/** The account of the cookie, if it still counts. */
async function signedInBefore(client: HostedClient): Promise<KeyRecord | undefined> {
  const state = await client.call("state", {});
  if (!state.ok) return undefined;
  const keys = await client.call("keys", { account: state.data.account });
  const account = parseAccountId(state.data.account);
  return keys.ok && account.ok ? { ...keys.data, account: account.account } : undefined;
}

function linkedAccount(route: Route) {
  const read = route.page === "account" ? parseAccountId(route.link) : undefined;
  return read?.ok ? read.account : undefined;
}

interface SignedInProps extends HostedProps {
  queue: SigningQueue;
  record: KeyRecord;
  leave: () => void;
}

function SignedIn({ desk, client, queue, record, leave }: SignedInProps) {
  const state = useCall(client, "state", {}, STATE_MILLIS);
  const hosted = useMemo(
    () => (usablePasskeys(record).length > 0 ? new HostedOwner(client, desk, record, queue) : undefined),
    [client, desk, record, queue],
  );
  const owner = useMemo(() => hosted ?? terminalOwner(client, record), [hosted, client, record]);
  const over = state.problem?.code === "signed_out" || (state.data && state.data.account !== record.account);
  useEffect(() => (over ? leave() : undefined), [over]);
  const signOut = () => void client.call("logout", {}).then(leave);
  const pages = (route: HostedRoute) => {
    if (route.page === "grant" && hosted)
      return <More>{({ GrantPage }) => <GrantPage client={client} owner={hosted} request={route.request} />}</More>;
    if (route.page === "proposed")
      return (
        <More>
          {({ ProposedPage }) => <ProposedPage client={client} record={record} owner={hosted} desk={desk} salt={route.request} />}
        </More>
      );
    if (route.page === "pair")
      return <More>{({ PairPage }) => <PairPage client={client} record={record} owner={hosted} link={route.link} />}</More>;
    if (route.page === "settings")
      return <More>{({ Settings }) => <Settings client={client} desk={desk} record={record} owner={hosted} signOut={signOut} />}</More>;
    return undefined;
  };
  return <App client={client} owner={owner} state={state} hosted={pages} />;
}
