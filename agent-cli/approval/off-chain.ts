/** What an owner reads of a request on the chain itself where it is not signed: without a key, and without asking the chain. */

import { isNativeRequest } from "../../shared/protocol/payment-request.ts";
import type { NativeRequestView } from "../../shared/screen/native-request.ts";
import { unixNow } from "../../shared/time.ts";
import { requestFacts } from "../purchase/create-request.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { sentWith } from "../purchase/sent-with.ts";
import { record } from "../records/audit-log.ts";
import { pinOf } from "../records/merchant-pins.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { confirmWithHost } from "./host-confirmation.ts";
import { checkOpen } from "./owner-checks.ts";

/** Asks the host. The audit log gets that it was shown. */
export async function readOffChain(context: Context, subject: Subject): Promise<Outcome<Omit<NativeRequestView, "checked">>> {
  const { request } = subject;
  if (!isNativeRequest(request)) return fail("usage", "This request is paid on the mock ledger: read it to approve it.");
  const checked = await checkOpen(context, subject);
  if (!checked.ok) return checked;
  const config = context.config();
  if (!config.ok) return config;
  const confirmed = await confirmWithHost(context, subject, checked.data, {
    offline: false,
    checkTerms: false,
    dryRun: false,
    allowHttp: false,
  });
  if (!confirmed.ok) return confirmed;
  const known = pinOf(context, new URL(request.http.url).origin, request.payment.network);
  if (!known.ok) return known;
  const noted = await record(context, "shown", requestFacts(request, checked.data.digest));
  if (!noted.ok) return noted;
  const { host, judged } = confirmed.data;
  return succeed({
    request,
    now: unixNow(),
    host,
    sent: sentWith(context, subject),
    pin: judged?.pin ?? known.data,
    threshold: config.data.approvalThreshold,
  });
}
