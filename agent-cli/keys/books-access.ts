/**
 * The accesses to accounts' books that this user holds, in `books/` of the state directory: one for a key of this machine, and one
 * for the agent's key. An access is sent only to the facilitator that it was made for: another one could show the read to it.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { HELD_ACCESS_FORMAT, type HeldAccess } from "../../shared/books/held-access.ts";
import { bytesToHex, hexSchema, hexToBytes, publicKeySchema, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { type AccountId, accountIdSchema } from "../../shared/protocol/account.ts";
import {
  authorizeRead,
  booksAccessSchema,
  grantAccess,
  isGenuineAccess,
  type SignedAccess,
  signedAccessSchema,
} from "../../shared/protocol/books-access.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { withProof } from "../../shared/protocol/proof.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { hasHome } from "../runtime/config.ts";
import { type Context, warn } from "../runtime/context.ts";
import { jsonText, readJson } from "../runtime/files.ts";
import { MAX_ACCESS_FILES, MAX_FORGOTTEN_READERS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory, stateHomePath } from "../runtime/state-directory.ts";
import { readState, type StateFormat, writeState } from "../runtime/state-file.ts";
import { findKey, unlockKey } from "./key-file.ts";

const FOLDER = "books";
const READER = "reader.json";

const readerSchema = z.strictObject({ publicKey: publicKeySchema, secretKey: hexSchema(32) });
const READER_FORMAT: StateFormat<typeof readerSchema> = { kind: "books-reader", what: "key that reads books", schema: readerSchema };

const accessesSchema = z.strictObject({
  facilitator: z.string(),
  account: z.string(),
  accesses: z.array(signedAccessSchema),
  /** Readers whose accesses were revoked. None is made for them again. */
  revoked: z.array(publicKeySchema),
});
type Accesses = z.infer<typeof accessesSchema>;
const ACCESSES_FORMAT: StateFormat<typeof accessesSchema> = {
  kind: "books",
  what: "accesses to an account's books",
  schema: accessesSchema,
};

const ACCESS_FORMAT = "lez-agent-pay/access/1";
const ACCESS = "access to an account's books";
const accessFileSchema = withProof({
  format: z.literal(ACCESS_FORMAT),
  facilitator: z.string(),
  account: accountIdSchema,
  access: booksAccessSchema,
});
/** An access on its way to another machine. */
type AccessFile = Books & SignedAccess;

/** Where an access counts. `facilitator`: its address, without a slash at the end. */
export interface Books {
  facilitator: string;
  account: AccountId;
}

/** The Authorization header of a call that reads the account's books; undefined if no key here has an access. */
export async function readHeader(
  context: Context,
  books: Books,
  call: { method: string; path: string },
): Promise<Outcome<string | undefined>> {
  if (!hasHome(context.io)) return succeed(undefined);
  const kept = readAccesses(context, books);
  if (!kept.ok) return kept;
  for (const reader of await readersOf(context)) {
    const access = kept.data?.accesses.find((each) => each.access.reader === reader.publicKey);
    if (access) return succeed(await authorizeRead(access, reader, call));
  }
  return succeed(undefined);
}

/** Signs an access for this machine, and one for the agent's key if there is one here, and keeps both. */
export async function makeAccesses(
  context: Context,
  owner: WalletSigner,
  facilitator: string,
  ledger: Digest,
): Promise<Outcome<undefined>> {
  const kept = readAccesses(context, { facilitator, account: owner.account });
  const machine = await machineReader(context);
  if (!machine.ok) return machine;
  // A file that cannot be read is made again: it is worth one passphrase.
  const revoked = kept.ok && kept.data ? kept.data.revoked : [];
  const agent = await agentReader(context);
  const readers = [machine.data, ...(agent && !revoked.includes(agent.publicKey) ? [agent] : [])];
  const accesses = await Promise.all(readers.map(({ publicKey }) => grantAccess(owner, ledger, publicKey)));
  return writeAccesses(context, { facilitator, account: owner.account, accesses, revoked });
}

/** Makes accesses of the account again that are past half of their time, or lack the agent's key. For when its key is open anyway. */
export async function renewAccesses(context: Context, owner: WalletSigner): Promise<void> {
  const agent = await agentReader(context);
  for (const { facilitator, account, accesses, revoked } of allAccesses(context)) {
    const [first] = accesses;
    if (account !== owner.account || !first) continue;
    const lacksAgent = agent && !revoked.includes(agent.publicKey) && !accesses.some(({ access }) => access.reader === agent.publicKey);
    if (!lacksAgent && !accesses.some(isPastHalf)) continue;
    const made = await makeAccesses(context, owner, facilitator, first.access.ledger);
    if (!made.ok) warn(context, `The access to the account's books was not renewed: ${made.error.message}`);
  }
}

/**
 * After a revocation: a new key for this machine, with an access that was issued later than all that are void. The agent's key gets
 * none, here or later: it may be what was copied.
 * @param through unix seconds up to which accesses are void
 */
export async function startOver(
  context: Context,
  owner: WalletSigner,
  facilitator: string,
  ledger: Digest,
  through: number,
): Promise<Outcome<undefined>> {
  const books = { facilitator, account: owner.account };
  const kept = readAccesses(context, books);
  if (!kept.ok) return kept;
  const machine = await newMachineReader(context, true);
  if (!machine.ok) return machine;
  const agent = await agentReader(context);
  const revoked = [...(kept.data?.revoked ?? []), ...(agent ? [agent.publicKey] : [])];
  const access = await grantAccess(owner, ledger, machine.data.publicKey, Math.max(unixNow(), through + 1));
  return writeAccesses(context, { ...books, accesses: [access], revoked: [...new Set(revoked)].slice(-MAX_FORGOTTEN_READERS) });
}

/** An access for a key on another machine, as its file has it. */
export async function accessFor(
  owner: WalletSigner,
  { facilitator, ledger }: { facilitator: string; ledger: Digest },
  reader: string,
): Promise<AccessFile> {
  return { facilitator, account: owner.account, ...(await grantAccess(owner, ledger, reader)) };
}

export function accessText(content: AccessFile): string {
  return jsonText({ format: ACCESS_FORMAT, ...content });
}

/** An access with a new key that reads with it, for a Worker: as its file has it, and the secret SELLER_ACCESS. */
export async function heldAccessFor(owner: WalletSigner, place: { facilitator: string; ledger: Digest }): Promise<HeldAccess> {
  const readerKey = generateSecretKey();
  const access = await accessFor(owner, place, (await keySigner(readerKey)).publicKey);
  return { format: HELD_ACCESS_FORMAT, ...access, readerKey: bytesToHex(readerKey) };
}

/** When it ends, RFC 3339. */
export function endOf({ access }: Pick<AccessFile, "access">): string {
  return formatTimestamp(Number(access.validBefore));
}

/** Reads the file of an access as an agent's command may read files. */
export function readAccessFile(context: Context, file: string): Outcome<AccessFile> {
  const read = readJson(file, accessFileSchema, { what: ACCESS, named: true }, context.files.read);
  if (!read.ok) return read;
  const { format: _, ...content } = read.data;
  return succeed(content);
}

/** Keeps an access that was granted on another machine, if the agent's key can read with it. @param file its name, for messages */
export async function importAccess(context: Context, granted: AccessFile, file: string): Promise<Outcome<undefined>> {
  const { facilitator, account, ...signed } = granted;
  const refused = (problem: string, hint: string) => fail("invalid_file", `The access in "${file}" cannot be used: ${problem}.`, { hint });
  if (signed.access.account !== account || !(await isGenuineAccess(signed, FACILITATOR_DECIDES)))
    return refused("its account did not sign it", "Ask the owner for another: lez-agent-pay books grant");
  if (Number(signed.access.validBefore) < unixNow())
    return refused(`it ended at ${endOf(granted)}`, "Ask the owner for another: lez-agent-pay books grant");
  const agent = await agentReader(context);
  if (agent?.publicKey !== signed.access.reader)
    return refused(
      `it is for the key ${signed.access.reader}, which is not the agent's here`,
      "lez-agent-pay whoami shows the agent's key.",
    );
  const kept = readAccesses(context, { facilitator, account });
  const others = (kept.ok ? (kept.data?.accesses ?? []) : []).filter(({ access }) => access.reader !== agent.publicKey);
  const revoked = kept.ok ? (kept.data?.revoked ?? []) : [];
  return writeAccesses(context, { facilitator, account, accesses: [...others, signed], revoked });
}

function isPastHalf({ access }: SignedAccess): boolean {
  const [issuedAt, validBefore] = [Number(access.issuedAt), Number(access.validBefore)];
  return unixNow() > issuedAt + (validBefore - issuedAt) / 2;
}

/** The keys that can read here: the agent's first for an agent's command, this machine's first for the owner's. */
async function readersOf(context: Context): Promise<WalletSigner[]> {
  const file = path.join(stateHomePath(context), FOLDER, READER);
  const kept = fs.existsSync(file) ? readState(file, READER_FORMAT) : undefined;
  const machine = kept?.ok ? await keySigner(hexToBytes(kept.data.secretKey)) : undefined;
  const agent = await agentReader(context);
  const readers = context.egress ? [agent, machine] : [machine, agent];
  return readers.flatMap((reader) => reader ?? []);
}

async function agentReader(context: Context): Promise<WalletSigner | undefined> {
  const found = findKey(context, "agent", undefined);
  const opened = found.ok ? await unlockKey(found.data.key, "agent") : undefined;
  return opened?.ok ? opened.data : undefined;
}

async function machineReader(context: Context): Promise<Outcome<WalletSigner>> {
  const file = path.join(stateHomePath(context), FOLDER, READER);
  if (!fs.existsSync(file)) return newMachineReader(context, false);
  const kept = readState(file, READER_FORMAT);
  return kept.ok ? succeed(await keySigner(hexToBytes(kept.data.secretKey))) : newMachineReader(context, true);
}

/** @param replace an existing key; without it, one that another process has just made is taken */
async function newMachineReader(context: Context, replace: boolean): Promise<Outcome<WalletSigner>> {
  const folder = stateDirectory(context, FOLDER);
  if (!folder.ok) return folder;
  const secretKey = generateSecretKey();
  const signer = await keySigner(secretKey);
  const file = path.join(folder.data, READER);
  const written = writeState(file, READER_FORMAT, { publicKey: signer.publicKey, secretKey: bytesToHex(secretKey) }, replace);
  if (written.ok) return succeed(signer);
  return written.error.code === "file_exists" ? machineReader(context) : written;
}

function readAccesses(context: Context, books: Books): Outcome<Accesses | undefined> {
  const file = path.join(stateHomePath(context), FOLDER, fileName(books));
  return fs.existsSync(file) ? readState(file, ACCESSES_FORMAT) : succeed(undefined);
}

function writeAccesses(context: Context, content: Accesses & Books): Outcome<undefined> {
  const folder = stateDirectory(context, FOLDER);
  return folder.ok ? writeState(path.join(folder.data, fileName(content)), ACCESSES_FORMAT, content) : folder;
}

function allAccesses(context: Context): Accesses[] {
  const folder = path.join(stateHomePath(context), FOLDER);
  const names = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /^[0-9a-f]{32}\.json$/.test(name)) : [];
  return names.slice(0, MAX_ACCESS_FILES).flatMap((name) => {
    const read = readState(path.join(folder, name), ACCESSES_FORMAT);
    return read.ok ? [read.data] : [];
  });
}

function fileName({ facilitator, account }: Books): string {
  return `${bodyDigest(utf8(`${facilitator}\n${account}`)).slice(0, 32)}.json`;
}
