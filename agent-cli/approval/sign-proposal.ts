/**
 * The part of a key at this terminal of an allowance that another key proposes at a hosted desk. The owner reads the screen of `mandate grant`, made
 * from the object that is signed. It is no allowance until the desk has as many parts as the account needs.
 */

import { ASSET, NETWORK } from "../../shared/lez.ts";
import { CLOCK_SKEW_SECONDS } from "../../shared/limits.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import type { Mandate } from "../../shared/protocol/mandate.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { unixNow } from "../../shared/time.ts";
import { askLedgerInTime } from "../facilitator/ledger-id.ts";
import { openOwner } from "../keys/owner-key.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry } from "../records/audit-log.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import type { BalanceInput } from "./account-balance.ts";
import type { FoundAtDesk } from "./at-desk.ts";
import { factLines } from "./facts-screen.ts";
import { confirmMandate, grantFacts, mandateScreen, mandateView } from "./grant-mandate.ts";
import { type AtDesk, keyOf, type PartTold, thresholdOf, unsent } from "./sign-part.ts";

export interface ProposalInput extends BalanceInput, PassphraseInput {
  confirm?: string | undefined;
}

type Proposed = Extract<FoundAtDesk, { kind: "allowance" }>;

export async function signProposal(
  context: Context,
  input: ProposalInput,
  { digest, proposal: { mandate, signedBy }, beside }: Proposed,
  at: AtDesk,
): Promise<Outcome<PartTold>> {
  const { owner, login } = at;
  const { policy, found } = owner;
  const key = keyOf(owner);
  const threshold = thresholdOf(owner);
  if (!policy) return fail("unsupported", "An allowance of one key is granted by that key: lez-agent-pay mandate grant.");
  const obstacle = await obstacleTo(context, input, mandate, owner.account);
  if (obstacle) return obstacle;
  if (signedBy.includes(key)) return succeed({ whole: false, missing: Math.max(0, threshold - signedBy.length), already: true });
  const view = await mandateView(context, input, mandate);
  if (!view.ok) return view;
  const { layout } = context;
  context.say(
    // This machine keeps no grant of the account, so the digest names it.
    ...mandateScreen({ ...view.data, revokedBy: `lez-agent-pay mandate revoke ${digest} --recovery FILE` }, layout),
    ...(beside.count > 0 ? factLines(layout, { label: "At the desk", value: besideText(beside) }) : []),
    // The proofs of the others stay at the desk, so that a dropped proposal is gone.
    ...signedBy.flatMap((by, i) => factLines(layout, { label: i === 0 ? "Signed by" : "", value: `${by}, says the desk` })),
    ...factLines(layout, { label: "Your key", value: key }),
    ...factLines(layout, {
      label: "It takes",
      value: `${threshold} keys of this account; one part alone lets the agent spend nothing`,
      strong: true,
    }),
    "",
  );
  const confirmed = await confirmMandate(
    context,
    view.data,
    input.confirm,
    `Run this in a terminal. Or read it, and add --confirm ${digest}`,
  );
  if (!confirmed.ok) return confirmed;
  const signer = await openOwner(context, found, input);
  if (!signer.ok) return signer;
  try {
    const facts = { ...grantFacts(mandate), desk: login.desk, key };
    const noted = await exclusively(context, async () => {
      const logged = appendEntry(context, "signed_for_desk", facts);
      return logged.ok ? anchorEntry(context, logged.data, signer.data) : logged;
    });
    if (!noted.ok) return noted;
    const proof = { kind: "ed25519" as const, publicKey: signer.data.publicKey, signature: await signer.data.sign(digest) };
    const sent = await login.call("grantPart", { mandate, proof, policy });
    return sent.ok ? succeed({ whole: sent.data.whole, missing: sent.data.missing }) : unsent(sent);
  } finally {
    signer.data.wipe();
  }
}

function besideText({ count, left }: Proposed["beside"]): string {
  const open = count === 1 ? "1 more allowance is open there" : `${count} more allowances are open there`;
  return `${open}, which can cost ${displayAmount(left)}, says the desk`;
}

/** Why it is not signed: it is of other money than the screen's sums, or it would outlive a revocation. */
async function obstacleTo(context: Context, input: ProposalInput, mandate: Mandate, account: string): Promise<Failure | undefined> {
  if (mandate.from !== account)
    return fail("request_differs", `The desk shows an allowance of another account: ${mandate.from}. Nothing was signed.`);
  if (mandate.network !== NETWORK || mandate.asset !== ASSET)
    return fail(
      "unsupported",
      `This allowance is for ${quote(`${mandate.asset} on ${mandate.network}`)}, which this version cannot pay with.`,
    );
  // To revoke all ends what was granted by then: one of a later date would outlive it.
  if (Number(mandate.grantedAt) > unixNow() + CLOCK_SKEW_SECONDS)
    return fail("request_differs", "The allowance is dated ahead: a revocation of all would not end it. Nothing was signed.", {
      hint: "Drop it with --decline, and propose another one. If its maker is honest, compare the clocks of both machines.",
    });
  const ledger = await askLedgerInTime(context, input);
  if (!ledger.ok) return ledger;
  if (mandate.ledger === ledger.data) return undefined;
  return fail("request_differs", "The allowance is for another ledger than that of your facilitator. Nothing was signed.");
}
