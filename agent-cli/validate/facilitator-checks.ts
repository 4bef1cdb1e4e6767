/** What merchants rely on: /supported with its three keys, and responses of one shape, in codes, from /verify and /settle. */

import * as z from "zod";
import { type Finding, right, skipped, wrong } from "../../shared/checklist/check.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK, X402_VERSION } from "../../shared/lez.ts";
import { MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { parseJson } from "../../shared/text/json.ts";
import { settleResponseSchema, verifyResponseSchema } from "../../shared/x402/x402.ts";
import { type ConformanceCheck, defects } from "./check.ts";
import { type Call, type CallReplies, CALLS, type FacilitatorVisit } from "./facilitator-visit.ts";
import { type Reply, replyText } from "./probe.ts";
import { isMembers, type Members } from "./terms-read.ts";

type Answer = Reply & { kind: "answer" };

const SUPPORTED = "x402 v2 §7.3";
const CAIP_2 = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/;
/** A code, hash, account, network or number. No sentence, no markup. */
const CODE = /^[A-Za-z0-9_:.\-+/=]{0,200}$/;

function onSupport(judge: (support: Members, visit: FacilitatorVisit) => Finding): (visit: FacilitatorVisit) => Finding {
  return (visit) => (visit.support ? judge(visit.support, visit) : skipped("/supported cannot be read"));
}

const SUPPORTED_CHECKS: readonly ConformanceCheck<FacilitatorVisit>[] = [
  {
    id: "supported.status",
    title: "GET /supported is answered 200",
    clause: SUPPORTED,
    severity: "fail",
    change: "Merchants request it when they start. Serve it at exactly this address, without a redirect.",
    judge: ({ supported }) => (supported.kind === "answer" && supported.status === 200 ? right("200") : wrong(replyText(supported))),
  },
  {
    id: "supported.json",
    title: `/supported is a JSON object of at most ${MAX_FACILITATOR_BODY_BYTES} bytes`,
    clause: SUPPORTED,
    severity: "fail",
    change: "Send one JSON object, as application/json.",
    judge: ({ supported, support, problem }) =>
      supported.kind !== "answer" ? skipped(replyText(supported)) : support ? right("an object") : wrong(quote(problem)),
  },
  {
    id: "supported.kinds",
    title: "kinds lists x402Version, scheme and network",
    clause: SUPPORTED,
    severity: "fail",
    change: "kinds is a list of { x402Version: number, scheme, network, extra? }, with at least one of x402Version 2.",
    judge: onSupport(({ kinds: list }, { kinds }) => {
      if (!Array.isArray(list) || list.length !== kinds.length) return wrong(`kinds ${quote(list)}`);
      const bad = kinds.filter(
        ({ x402Version, scheme, network }) => typeof x402Version !== "number" || typeof scheme !== "string" || typeof network !== "string",
      );
      if (bad.length > 0) return wrong(quote(bad[0]));
      return kinds.some(({ x402Version }) => x402Version === X402_VERSION) ? right(`${kinds.length}`) : wrong("none of x402Version 2");
    }),
  },
  {
    id: "supported.networks",
    title: "each network of a kind is one CAIP-2 name, not a pattern",
    clause: `${SUPPORTED}, CAIP-2`,
    severity: "fail",
    change: "List every network by its name. Merchants compare names for equality.",
    judge: onSupport((_, { kinds }) => {
      const current = kinds.filter(({ x402Version }) => x402Version === X402_VERSION).map(({ network }) => network);
      const bad = current.filter((network) => typeof network !== "string" || !CAIP_2.test(network));
      return defects(bad.map(quote), current.map(quote).join(", "));
    }),
  },
  {
    id: "supported.extensions",
    title: "extensions is a list of names",
    clause: SUPPORTED,
    severity: "fail",
    change: "Always send extensions; [] if there is none.",
    judge: onSupport(({ extensions }) => (isNames(extensions) ? right(quote(extensions)) : wrong(quote(extensions)))),
  },
  {
    id: "supported.signers",
    title: "signers is an object of lists of accounts",
    clause: SUPPORTED,
    severity: "fail",
    change: "Always send signers; [] for a network family without signers.",
    judge: onSupport(({ signers }) =>
      isMembers(signers) && Object.values(signers).every(isNames) ? right(quote(signers)) : wrong(quote(signers)),
    ),
  },
  {
    id: "supported.ledger",
    title: `a kind on ${NETWORK} names its ledger`,
    clause: "spec/protocol.md §2",
    severity: "warn",
    change: "Publish the genesis id, 64 hex digits, in extra.ledger, so that payments can be bound to this ledger.",
    judge: onSupport((_, { kinds }) => {
      const ours = kinds.filter(({ network }) => network === NETWORK);
      if (ours.length === 0) return skipped(`no kind on ${NETWORK}`);
      const named = ours.every(({ extra }) => isMembers(extra) && digestSchema.safeParse(extra["ledger"]).success);
      return named ? right(quote(ours[0]?.["extra"])) : wrong("no extra.ledger of 64 hex digits");
    }),
  },
];

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

/** How the two calls differ. */
const CALL_FACTS = {
  verify: { schema: verifyResponseSchema, clause: "x402 v2 §7.1", approves: "isValid", reason: "invalidReason", type: "VerifyResponse" },
  settle: { schema: settleResponseSchema, clause: "x402 v2 §7.2", approves: "success", reason: "errorReason", type: "SettleResponse" },
} as const;

function callChecks(call: Call): ConformanceCheck<FacilitatorVisit>[] {
  const { schema, clause, approves, reason, type } = CALL_FACTS[call];
  const needs = call === "settle" ? ({ active: true } as const) : {};
  const replies = (visit: FacilitatorVisit): [string, Reply][] => Object.entries(visit[call] satisfies CallReplies);
  /** For checks of all responses to this call. */
  const onAnswers =
    (defect: (reply: Answer) => string | undefined, otherwise: string) =>
    (visit: FacilitatorVisit): Finding => {
      const answers = replies(visit).flatMap(([what, reply]) => (reply.kind === "answer" ? [{ what, reply }] : []));
      if (answers.length === 0) return skipped(replyText(visit[call].unsigned));
      const found = answers.map(({ what, reply }) => ({ what, problem: defect(reply) })).filter(({ problem }) => problem !== undefined);
      return defects(
        found.map(({ what, problem }) => `${what}: ${problem}`),
        otherwise,
      );
    };
  const bodyOf = (reply: Reply): Members | undefined => {
    const json = reply.kind === "answer" ? parseJson(reply.body, MAX_FACILITATOR_BODY_BYTES, z.unknown()) : undefined;
    return json?.ok && isMembers(json.value) ? json.value : undefined;
  };
  /** For checks of the response to the unsigned payment, if it has the right shape. */
  const onShaped = (judge: (body: Members) => Finding) => (visit: FacilitatorVisit) => {
    const { unsigned } = visit[call];
    if (unsigned.kind !== "answer") return skipped(replyText(unsigned));
    const body = bodyOf(unsigned);
    return body && schema.safeParse(body).success ? judge(body) : skipped(`the response is no ${type}`);
  };

  const checks: ConformanceCheck<FacilitatorVisit>[] = [
    {
      id: `${call}.answered`,
      title: `/${call} responds to every body`,
      clause,
      severity: "fail",
      change: "Respond in bounded time. A merchant without a response must tell its buyer that the outcome is unknown.",
      judge(visit) {
        const silent = replies(visit).filter(([, reply]) => reply.kind === "silence");
        const answered = replies(visit).filter(([, reply]) => reply.kind === "answer");
        if (silent.length + answered.length === 0) return skipped(replyText(visit[call].unsigned));
        return defects(
          silent.map(([what, reply]) => `${what}: ${replyText(reply)}`),
          `${answered.length} answers`,
        );
      },
    },
    {
      id: `${call}.status`,
      title: `a well-formed payment is answered 200, valid or not`,
      clause: `${clause}, spec/protocol.md §10`,
      severity: "warn",
      change: "Put the result into the body. Use other statuses for bodies that are unreadable or too large, and for errors.",
      judge({ asked, ...visit }) {
        const { unsigned } = visit[call];
        if (unsigned.kind !== "answer") return skipped(replyText(unsigned));
        if (unsigned.status === 200) return right("200");
        return asked["network"] === NETWORK
          ? wrong(replyText(unsigned))
          : skipped(`${replyText(unsigned)}; validate does not know what is well-formed on ${quote(asked["network"])}`);
      },
    },
    {
      id: `${call}.shape`,
      title: `the response is a ${type}`,
      clause: call === "verify" ? "x402 v2 §5.4" : "x402 v2 §5.3",
      severity: "fail",
      change:
        call === "verify"
          ? "Send { isValid, invalidReason?, payer? }."
          : "Send { success, transaction, network, errorReason?, payer? }; transaction and network are always strings, or stock merchants answer 502.",
      judge(visit) {
        const { unsigned } = visit[call];
        if (unsigned.kind !== "answer") return skipped(replyText(unsigned));
        const read = parseJson(unsigned.body, MAX_FACILITATOR_BODY_BYTES, schema);
        return read.ok ? right(`a ${type}`) : wrong(`${replyText(unsigned)}, ${quote(read.problem)}`);
      },
    },
    {
      id: `${call}.refused`,
      title: `a payment without a signature is refused`,
      clause: "x402 v2 §6 (Verification Steps)",
      severity: "fail",
      change: "Verify the payer's signature over exactly these terms, in each of the two calls.",
      judge(visit) {
        const body = bodyOf(visit[call].unsigned);
        if (!body) return skipped("the response cannot be read");
        return body[approves] === true ? wrong(`${approves}: true`) : right(`${approves}: ${quote(body[approves])}`);
      },
    },
    {
      id: `${call}.reason`,
      title: `a refusal has a reason code`,
      clause: "x402 v2 §9",
      severity: "warn",
      change: `Set ${reason} to one code, as in invalid_exact_evm_payload_signature.`,
      judge: onShaped((body) => {
        const said = body[reason];
        return typeof said === "string" && /^[A-Za-z0-9_]{1,100}$/.test(said) ? right(said) : wrong(quote(said));
      }),
    },
    {
      id: `${call}.garbage`,
      title: "a body that is no envelope is refused, in the same shape",
      clause: `${clause}, spec/protocol.md §10`,
      severity: "warn",
      change: `Answer 400 with a ${type} that refuses. Stock merchants forward any other body to their buyers.`,
      judge(visit) {
        const { garbage, empty } = visit[call];
        if (garbage.kind !== "answer" && empty.kind !== "answer") return skipped(replyText(garbage));
        const found = Object.entries({ "not JSON": garbage, "{}": empty }).flatMap(([what, reply]) => {
          if (reply.kind !== "answer") return [];
          const body = bodyOf(reply);
          const shaped = body !== undefined && schema.safeParse(body).success && body[approves] === false;
          return shaped && reply.status < 500 ? [] : [`${what}: ${replyText(reply)}, ${shaped ? "shaped" : `no ${type} that refuses`}`];
        });
        return defects(found, "both refused");
      },
    },
    {
      id: `${call}.codes-only`,
      title: "no response contains free text",
      clause: "spec/protocol.md §10",
      severity: "warn",
      change: "Send codes, accounts and hashes only. Stock merchants forward your words, and those of your upstream, to their buyers.",
      judge: onAnswers((reply) => {
        if (reply.body.length === 0) return undefined;
        const body = bodyOf(reply);
        const words = body ? strings(body).find((text) => !CODE.test(text)) : "a body that is not a JSON object";
        return words === undefined ? undefined : quote(words);
      }, "codes only"),
    },
    {
      id: `${call}.compact`,
      title: `no response is larger than ${MAX_FACILITATOR_BODY_BYTES} bytes`,
      clause: "spec/protocol.md §11",
      severity: "fail",
      change: "Send the members of the specification only. Merchants stop reading at a limit.",
      judge: onAnswers(
        ({ complete, body }) => (complete && body.length <= MAX_FACILITATOR_BODY_BYTES ? undefined : `${body.length} bytes`),
        "none",
      ),
    },
    {
      id: `${call}.bounded`,
      title: "a body far larger than any payment is refused",
      clause: "spec/protocol.md §11",
      severity: "warn",
      change: "Limit the body before you parse it, and answer 413.",
      judge(visit) {
        const { large } = visit[call];
        if (large.kind === "unsent") return skipped(large.why);
        // Closing the connection during the upload is a refusal, too.
        if (large.kind === "silence") return large.timedOut ? wrong(replyText(large)) : right(replyText(large));
        return large.status === 413 || large.status === 400
          ? right(replyText(large))
          : wrong(`${replyText(large)} to ${8 * MAX_FACILITATOR_BODY_BYTES} bytes`);
      },
    },
  ];
  return checks.map((check) => ({ ...check, ...needs }));
}

function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}

export const FACILITATOR_CHECKS: readonly ConformanceCheck<FacilitatorVisit>[] = [...SUPPORTED_CHECKS, ...CALLS.flatMap(callChecks)];
