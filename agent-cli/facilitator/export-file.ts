/**
 * The file of a ledger's export: JSON lines that only grow, so that an export which broke off goes on. spec/restore.md.
 *
 * The first line is the header, and each further line a page of one table of one shard. The last line closes it: a file without it is
 * incomplete. Each shard has a digest, chained over its lines, and the export's digest is over those of the shards.
 */

import * as fs from "node:fs";
import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { ExportCheck, type ExportedRows, type ExportSummary } from "../../shared/ledger/export-check.ts";
import { EXPORTED_TABLES, type ExportedTable, type Position, positionOf } from "../../shared/ledger/export.ts";
import { NETWORK } from "../../shared/lez.ts";
import { EXPORT_PAGE, MAX_RESPONSE_BODY_BYTES, MAX_SHARDS } from "../../shared/limits.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { parseJson } from "../../shared/text/json.ts";
import { reasonOf } from "../runtime/files.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = fs.constants;
const CHUNK_BYTES = 1024 * 1024;

const amount = z.string().regex(/^[0-9]{1,39}$/);
const headerSchema = z.strictObject({
  format: z.literal("lez-agent-pay/ledger-export/1"),
  network: z.literal(NETWORK),
  ledger: digestSchema,
  supply: amount,
  shards: z.int().min(1).max(MAX_SHARDS),
  /** Unix seconds: the latest time at which a shard refused or forgot something forever. */
  final: z.int().min(0),
});
export type ExportHeader = z.infer<typeof headerSchema>;

export const rowsSchema = z.array(z.record(z.string(), z.union([z.string(), z.number(), z.null()]))).max(EXPORT_PAGE);
const pageSchema = z.strictObject({ shard: z.int().min(0), table: z.enum(EXPORTED_TABLES), rows: rowsSchema });
const endSchema = z.strictObject({ shards: z.array(digestSchema), digest: digestSchema });

/** The page that comes next in a file that is not complete. */
export interface NextPage {
  shard: number;
  table: ExportedTable;
  after: Position;
}

/** A file, as far as it was read. */
export interface ReadExport {
  header: ExportHeader;
  /** The digest of the whole, and what is in it, once the file is complete. */
  complete?: { digest: Digest; summary: ExportSummary };
}

/** What reads and writes the lines of an export in their order, and checks each. */
export class ExportFile {
  readonly #file: string;
  readonly #fd: number;
  /** Behind the last whole line. */
  #end = 0;
  #header: ExportHeader | undefined;
  #check: ExportCheck | undefined;
  #digests: Digest[] = [];
  #next: NextPage = { shard: 0, table: EXPORTED_TABLES[0] ?? "account", after: [] };
  #complete: ReadExport["complete"];

  private constructor(file: string, fd: number) {
    this.#file = file;
    this.#fd = fd;
  }

  /** Opens a file to read it, or to go on with it. @param write creates it if it does not exist */
  static open(file: string, write: boolean): Outcome<ExportFile> {
    try {
      const fd = fs.openSync(file, O_NOFOLLOW | (write ? O_RDWR | O_CREAT : O_RDONLY), 0o600);
      if (fs.fstatSync(fd).isFile()) return succeed(new ExportFile(file, fd));
      fs.closeSync(fd);
      return fail("invalid_file", `${quote(file)} is not a regular file.`);
    } catch (error) {
      return fail("invalid_file", `Cannot open ${quote(file)}: ${reasonOf(error)}.`);
    }
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  get header(): ExportHeader | undefined {
    return this.#header;
  }

  /** Whether the file has something, and no header. */
  get isForeign(): boolean {
    return !this.#header && fs.fstatSync(this.#fd).size > 0;
  }

  get complete(): ReadExport["complete"] {
    return this.#complete;
  }

  /** The page to append; undefined if all are there. */
  get next(): NextPage | undefined {
    return this.#header && this.#next.shard < this.#header.shards ? this.#next : undefined;
  }

  /**
   * Reads and checks every whole line. What is behind the last one was never acknowledged, and is not read.
   * @param seen is given each page
   */
  async read(seen: (page: ExportedRows) => Promise<Failure | undefined> = async () => undefined): Promise<Outcome<undefined>> {
    let number = 0;
    for (const line of this.#lines()) {
      number++;
      const problem = line === undefined ? `longer than ${MAX_RESPONSE_BODY_BYTES} bytes` : this.#take(line);
      if (problem !== undefined)
        return fail("invalid_file", `${quote(this.#file)}, line ${number}: ${quote(problem)}.`, { hint: NOT_EDITED });
      const page = this.#last;
      const failed = page && (await seen(page));
      if (failed) return failed;
    }
    return succeed(undefined);
  }

  begin(header: ExportHeader): Outcome<undefined> {
    return this.#append(header);
  }

  append(page: ExportedRows): Outcome<undefined> {
    return this.#append(page);
  }

  /** Writes the last line. */
  end(): Outcome<undefined> {
    const ended = this.#append({ shards: this.#digests, digest: this.#digest() });
    if (ended.ok) fs.fsyncSync(this.#fd);
    return ended;
  }

  #last: ExportedRows | undefined;

  #append(object: object): Outcome<undefined> {
    const line = JSON.stringify(object);
    const problem = this.#take(utf8(line));
    if (problem !== undefined) {
      return fail("invalid_file", `The ledger's books do not add up: ${quote(problem)}.`, {
        hint: "Nothing of this page was written. Run: lez-agent-pay ledger audit",
      });
    }
    try {
      fs.ftruncateSync(this.#fd, this.#end);
      const bytes = utf8(`${line}\n`);
      for (let written = 0; written < bytes.length;)
        written += fs.writeSync(this.#fd, bytes, written, bytes.length - written, this.#end + written);
      this.#end += bytes.length;
      return succeed(undefined);
    } catch (error) {
      return fail("file_not_written", `Cannot write ${quote(this.#file)}: ${reasonOf(error)}.`, {
        hint: "Run the same command again: it goes on.",
      });
    }
  }

  /** Checks a line and moves on. @returns what is wrong with it */
  #take(line: Uint8Array): string | undefined {
    this.#last = undefined;
    if (this.#complete) return "a line behind the last one";
    if (!this.#header) {
      const header = parseJson(line, MAX_RESPONSE_BODY_BYTES, headerSchema);
      if (!header.ok) return `not the header of a ledger's export: ${header.problem}`;
      this.#header = header.value;
      this.#check = new ExportCheck(header.value);
      this.#digests = Array.from({ length: header.value.shards }, () => bodyDigest(line));
      return undefined;
    }
    return this.next ? this.#takePage(line, this.next) : this.#takeEnd(line);
  }

  #takePage(line: Uint8Array, { shard, table }: NextPage): string | undefined {
    const page = parseJson(line, MAX_RESPONSE_BODY_BYTES, pageSchema);
    if (!page.ok) return page.problem;
    if (page.value.shard !== shard || page.value.table !== table) return `not the page of shard ${shard}, ${table}`;
    const problem = this.#check?.take(page.value);
    if (problem !== undefined) return problem;
    this.#digests[shard] = bodyDigest(Buffer.concat([utf8(this.#digests[shard] ?? ""), line]));
    this.#last = page.value;
    this.#next = after(page.value);
    return undefined;
  }

  #takeEnd(line: Uint8Array): string | undefined {
    const end = parseJson(line, MAX_RESPONSE_BODY_BYTES, endSchema);
    if (!end.ok) return end.problem;
    const differs = this.#digests.findIndex((digest, shard) => end.value.shards[shard] !== digest);
    if (differs !== -1) return `the digest of shard ${differs} is another one`;
    if (end.value.digest !== this.#digest()) return "the digest is another one";
    const sums = this.#check?.finish();
    if (!sums?.ok) return sums?.problem;
    this.#complete = { digest: end.value.digest, summary: sums.summary };
    return undefined;
  }

  #digest(): Digest {
    return bodyDigest(utf8(this.#digests.join("")));
  }

  /** Every whole line; undefined for one that is too long to be one of ours. */
  *#lines(): Generator<Uint8Array | undefined> {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = Buffer.alloc(0);
    for (let at = 0; ;) {
      const length = fs.readSync(this.#fd, chunk, 0, chunk.length, at);
      if (length === 0) return;
      at += length;
      rest = Buffer.concat([rest, chunk.subarray(0, length)]);
      for (let end = rest.indexOf("\n"); end !== -1; end = rest.indexOf("\n")) {
        const line = Uint8Array.from(rest.subarray(0, end));
        rest = Buffer.from(rest.subarray(end + 1));
        this.#end += end + 1;
        yield line;
      }
      if (rest.length > MAX_RESPONSE_BODY_BYTES) yield undefined;
    }
  }
}

const NOT_EDITED = "Use the file as `ledger export` wrote it; it is not meant to be edited.";

function after({ shard, table, rows }: ExportedRows): NextPage {
  const last = rows.at(-1);
  if (last && rows.length === EXPORT_PAGE) return { shard, table, after: positionOf(table, last) };
  const following = EXPORTED_TABLES[EXPORTED_TABLES.indexOf(table) + 1];
  return following ? { shard, table: following, after: [] } : { shard: shard + 1, table: EXPORTED_TABLES[0] ?? "account", after: [] };
}
