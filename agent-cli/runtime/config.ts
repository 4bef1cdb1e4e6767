/**
 * The user's configuration: which facilitator to ask and to trust, and the defaults of keys and limits. It is read from the
 * user's own directory, never from the current folder: a repository must not configure a wallet.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import { APPROVAL_TYPED_THRESHOLD, MAX_MIN_REASON_LENGTH, MIN_REASON_LENGTH } from "../../shared/limits.ts";
import { isReasonMinimum } from "../../shared/protocol/reason.ts";
import { readJson } from "./files.ts";
import type { Io } from "./io.ts";
import { LOCAL_FACILITATOR_PORT } from "./limits.ts";
import { writtenAmountSchema } from "./money.ts";
import { type Outcome, succeed } from "./outcome.ts";

/** The local stack's. */
export const LOCAL_FACILITATOR = `http://127.0.0.1:${LOCAL_FACILITATOR_PORT}`;

/** Why a desk is not asked over plain http. */
export const PLAIN_DESK = {
  why: "is not encrypted: anyone on the path could answer in the desk's place",
  fix: "Use https:. A desk of this machine is at http://localhost:PORT.",
};

/** What an address of a sequencer must be. */
export const SEQUENCER_ADDRESS = "must be an address with https:, or with http: on this machine";

const configSchema = z.strictObject({
  /** The facilitator to ask, and the only one that is trusted when it says that a payment will never settle. */
  facilitatorUrl: z.string().optional(),
  /** The seller's own merchant, whose record of its sales `sales` reads. */
  merchantUrl: z.string().optional(),
  /** The owner's hosted desk, which requests of a paired agent go to. */
  desk: z
    .string()
    .refine((text) => originOf(text) === text, "must be an origin, as in https://desk.example")
    .refine((text) => text.startsWith("https:") || isLocalDesk(text), `${PLAIN_DESK.why}. ${PLAIN_DESK.fix}`)
    .optional(),
  /** The trusted ledger. */
  ledger: z.optional(digestSchema),
  /** A sequencer of each network of the Logos Execution Zone itself that is used. */
  sequencers: z.strictObject({ "lez:testnet": sequencerSchema().optional(), "lez:devnet": sequencerSchema().optional() }).optional(),
  /** The least number of visible characters in a reason. */
  reasonMinimum: z.number().refine(isReasonMinimum, `must be a whole number, ${MIN_REASON_LENGTH} to ${MAX_MIN_REASON_LENGTH}`).optional(),
  /** Above this amount the owner types the amount instead of y. */
  approvalThreshold: writtenAmountSchema.optional(),
  /** Key files; relative to this file's directory. */
  ownerFile: z.string().min(1).optional(),
  agentFile: z.string().min(1).optional(),
  /** Public keys to check evidence with; relative, too. */
  keysFile: z.string().min(1).optional(),
  /** The folders whose files an agent's commands can name. */
  agentFiles: z.array(z.string().refine((folder) => path.isAbsolute(folder), "must be absolute paths")).optional(),
  /** A program, and its first arguments, that is told of each new request: without a shell, with the short code and the amount. */
  onRequest: z
    .array(z.string().min(1))
    .min(1)
    .refine(([program = ""]) => path.isAbsolute(program), "must begin with the absolute path of a program")
    .optional(),
  /** Origins on this machine, and on private networks, that agents' commands may reach. */
  egress: z.strictObject({ loopback: z.array(originSchema()).optional(), private: z.array(originSchema()).optional() }).optional(),
});

function sequencerSchema() {
  return z.string().refine(isSequencerUrl, SEQUENCER_ADDRESS);
}

export function isSequencerUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password || url.hash) return false;
  return url.protocol === "https:" || (url.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname));
}

function originSchema() {
  return z.string().refine((text) => originOf(text) === text, "must be an origin, as in http://127.0.0.1:8787");
}

/** The origin that a text names; undefined if it names none, or more than that. */
export function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const http = url?.protocol === "https:" || url?.protocol === "http:";
  return http && [url.origin, `${url.origin}/`].includes(text) ? url.origin : undefined;
}

/** Whether a desk is the one of a local stack: tests and demos. A passkey is bound to a host name, so it is at `localhost`. */
export function isLocalDesk(origin: string): boolean {
  return /^http:\/\/localhost(:[0-9]+)?$/.test(origin);
}

export interface Config {
  /** Its path, whether or not it exists. */
  file: string;
  exists: boolean;
  facilitatorUrl?: string | undefined;
  merchantUrl?: string | undefined;
  desk?: string | undefined;
  ledger?: string | undefined;
  /** Where each network of the chain itself is read. */
  sequencers: { readonly [Network in NativeNetwork]?: string | undefined };
  reasonMinimum: number;
  approvalThreshold: bigint;
  ownerFile?: string | undefined;
  agentFile?: string | undefined;
  keysFile?: string | undefined;
  /** Default: the current folder. */
  agentFiles?: string[] | undefined;
  /** What to run when a request is filed: program and arguments. */
  onRequest?: string[] | undefined;
  egress: { loopback: readonly string[]; private: readonly string[] };
}

/** What decides where the user's files are. */
export type Places = Pick<Io, "env" | "accountHome">;

const FOLDER = "lez-agent-pay";

export function configFile(places: Places): string {
  const home = places.env["LEZ_AGENT_PAY_HOME"];
  if (home) return path.join(home, "config.json");
  return path.join(userDirectory(places, "XDG_CONFIG_HOME", ".config"), FOLDER, "config.json");
}

/** The configuration in the account's own home, which no variable moves; undefined if the account has no home. */
export function accountConfigFile({ accountHome }: Pick<Places, "accountHome">): string | undefined {
  return accountHome && path.join(accountHome, ".config", FOLDER, "config.json");
}

/** The XDG specification ignores relative paths. An empty HOME must not lead into the current folder either. */
export function userDirectory({ env, accountHome }: Places, variable: string, below: string): string {
  const { [variable]: named, HOME: home = "" } = env;
  if (named && path.isAbsolute(named)) return named;
  const base = path.isAbsolute(home) ? home : accountHome;
  if (base === undefined) throw new NoHomeError();
  return path.join(base, below);
}

/** Whether this user has a place for files: a command that needs none must not fail for the lack of it. */
export function hasHome({ env, accountHome }: Places): boolean {
  return Boolean(env["LEZ_AGENT_PAY_HOME"]) || path.isAbsolute(env["HOME"] ?? "") || accountHome !== undefined;
}

/** `runCommand` reports it: a container can run as a uid that has no account, and without HOME. */
export class NoHomeError extends Error {
  override message = "This user has no home directory: HOME is not set, and the user database has no entry.";
}

export function readConfig(places: Places, file = configFile(places)): Outcome<Config> {
  const defaults = {
    file,
    exists: false,
    reasonMinimum: MIN_REASON_LENGTH,
    approvalThreshold: APPROVAL_TYPED_THRESHOLD,
    egress: { loopback: [], private: [] },
    sequencers: {},
  };
  if (!fs.lstatSync(file, { throwIfNoEntry: false })) return succeed(defaults);
  const written = `It is a JSON object with these members, all optional: ${Object.keys(configSchema.def.shape).join(", ")}.`;
  const read = readJson(file, configSchema, { what: "configuration", unchangedByOthers: true, written });
  if (!read.ok) return read;
  const { reasonMinimum, approvalThreshold, ownerFile, agentFile, keysFile, egress = {}, sequencers, ...rest } = read.data;
  const beside = (key: string | undefined) => key && path.resolve(path.dirname(file), key);
  return succeed({
    ...defaults,
    ...rest,
    egress: { loopback: egress.loopback ?? [], private: egress.private ?? [] },
    sequencers: sequencers ?? {},
    exists: true,
    ...(reasonMinimum !== undefined && { reasonMinimum }),
    ...(approvalThreshold && { approvalThreshold: BigInt(approvalThreshold) }),
    ownerFile: beside(ownerFile),
    agentFile: beside(agentFile),
    keysFile: beside(keysFile),
  });
}
