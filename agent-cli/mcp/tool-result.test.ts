/** What a tool's result holds: a body at most once and never a large one, images as images, lists in pages. */

import { mkdirSync, readFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { beforeAll, describe, expect, test } from "vitest";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { MAX_INLINE_BODY_BYTES, MAX_INLINE_IMAGE_BYTES, MCP_PAGE_SIZE } from "../runtime/limits.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { fillInbox } from "../testing/inbox.ts";
import { startMcp } from "../testing/mcp.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const { ask } = await people(box);

let client: Client;
beforeAll(async () => {
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json") });
  ({ client } = await startMcp(box));
});

interface Body {
  bytes: number;
  sha256: string;
  contentType?: string;
  text?: string;
  file?: string;
  inline?: string;
}
interface Said {
  data: { response: { status: number; body: Body }; receipt?: object };
  error: { code: string; message: string; details: { shortCode?: string; response: { status: number; body: Body } } };
}

async function call(name: string, args: object) {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: { ...args } });
  const [text, ...more] = content as [{ type: "text"; text: string }, ...object[]];
  const [structured, shown] = [structuredContent as Said, JSON.parse(text.text) as Said];
  return { structured, shown, more, isError, size: JSON.stringify({ content, structuredContent }).length };
}

function answering(body: Uint8Array | string, contentType: string, status = 200): void {
  merchant.behaviour = { instead: (_, response) => !!response.writeHead(status, { "content-type": contentType }).end(body) };
}
const fetched = async () => {
  const got = await call("fetch", { url: merchant.url });
  return { ...got, body: got.structured.data?.response.body };
};

/** The smallest of each type; the JPEG ends after its frame header. */
const IMAGES = {
  "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "image/gif": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
  "image/webp": "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA",
  "image/jpeg": Buffer.from("ffd8ffe000104a46494600010100000100010000ffc0000b080001000101011100", "hex").toString("base64"),
};

describe("a body", () => {
  test("of 5 MB is in a file, and not in the result [mcp-large-body]", async () => {
    const large = "0123456789".repeat(500_000);
    answering(large, "text/plain; charset=utf-8");
    const { body, more, size } = await fetched();
    expect(size).toBeLessThan(4096);
    expect(body).toMatchObject({ bytes: large.length, sha256: bodyDigest(Buffer.from(large)), contentType: "text/plain; charset=utf-8" });
    expect(body.file).toBe(box.path(`home/downloads/${body.sha256}.txt`));
    expect(readFileSync(body.file ?? "", "utf8")).toBe(large);
    expect([body.inline, more]).toEqual([undefined, []]);
  });

  test("that is not text is in a file, and not in the result", async () => {
    const binary = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) % 256);
    answering(binary, "application/octet-stream");
    const { body, more, size } = await fetched();
    expect(size).toBeLessThan(4096);
    expect(new Uint8Array(readFileSync(body.file ?? ""))).toEqual(binary);
    expect([body.file?.endsWith(".bin"), body.inline, more]).toEqual([true, undefined, []]);
  });

  test("that is short is in the model's copy, once, and in a file [mcp-inline-once]", async () => {
    const longest = "x".repeat(MAX_INLINE_BODY_BYTES);
    answering(longest, "text/html");
    const { body, shown, size } = await fetched();
    expect(shown.data.response.body).toEqual({ ...body, text: longest });
    expect([body.inline, body.text, size < MAX_INLINE_BODY_BYTES + 4096]).toEqual(["text", undefined, true]);
    expect(readFileSync(body.file ?? "", "utf8")).toBe(longest);
    answering(`${longest}x`, "text/html");
    expect((await fetched()).size).toBeLessThan(4096);
  });

  test("counts as JSON encodes it: escapes make it larger", async () => {
    answering("\u0001".repeat(MAX_INLINE_BODY_BYTES / 6 + 1), "text/plain");
    const { body } = await fetched();
    expect([body.inline, body.bytes < MAX_INLINE_BODY_BYTES]).toEqual([undefined, true]);
  });

  test("of an error is shown if it is short, and in a file if not", async () => {
    answering("no such page", "text/plain", 404);
    const short = await call("fetch", { url: merchant.url });
    expect(short.structured.error.details.response).toMatchObject({ status: 404, body: { inline: "text" } });
    expect(short.shown.error.details.response.body.text).toBe("no such page");
    expect(short.structured.error.details.response.body.file).toBeUndefined();
    answering("z".repeat(300_000), "text/plain", 404);
    const long = await call("fetch", { url: merchant.url });
    expect([long.isError, long.size < 8192]).toEqual([true, true]);
    expect(readFileSync(long.structured.error.details.response.body.file ?? "").length).toBe(300_000);
  });

  test("that was bought stands beside its receipt, and is the same file when it is shown again", async () => {
    merchant.reset();
    const asked = await call("fetch", { url: merchant.url, reason: REASON });
    const code = asked.structured.error.details.shortCode ?? "";
    await approveAsRead(box, code);
    const bought = await call("fetch", { resume: code });
    expect(bought.structured.data).toMatchObject({
      receipt: { paid: { amount: "10000" } },
      response: { status: 200, body: { inline: "text" } },
    });
    expect(bought.shown.data.response.body.text).toBe(CONTENT);
    const again = await call("fetch", { resume: code });
    expect(again.structured.data).toMatchObject({
      again: true,
      receipt: bought.structured.data.receipt,
      response: bought.structured.data.response,
    });
    expect(merchant.settled.size).toBe(1);
  });

  test.each([
    ["text/csv", Buffer.from("0123456789".repeat(500_000)), "csv", undefined],
    ["application/zip", Buffer.from([0x50, 0x4b, 0xff, 0xfe]), "zip", undefined],
    ["image/png", Buffer.from(IMAGES["image/png"], "base64"), "png", "image"],
  ])(
    "of the type %s that was bought is a file of the downloads folder, beside its headers and receipt",
    async (type, bytes, extension, inline) => {
      merchant.reset();
      merchant.behaviour.deliver = (_, response, headers) =>
        void response.writeHead(200, { "content-type": type, "x-job": "7", ...headers }).end(bytes);
      const asked = await call("fetch", { url: `${merchant.url}?${extension}`, reason: REASON });
      const code = asked.structured.error.details.shortCode ?? "";
      await approveAsRead(box, code);
      for (const args of [{ resume: code }, { resume: code }]) {
        const { structured, more, size } = await call("fetch", args);
        expect(size).toBeLessThan(8192);
        expect(structured.data).toMatchObject({
          receipt: { paid: { amount: "10000" } },
          response: { status: 200, headers: { "x-job": ["7"] } },
        });
        const { body } = structured.data.response;
        expect(body).toMatchObject({
          bytes: bytes.length,
          contentType: type,
          file: box.path(`home/downloads/${bodyDigest(bytes)}.${extension}`),
        });
        expect(readFileSync(body.file ?? "").equals(bytes)).toBe(true);
        expect([body.inline, more.length]).toEqual([inline, inline ? 1 : 0]);
      }
      expect(merchant.presented).toHaveLength(1);
    },
  );

  test("that cannot be kept is said to have arrived", async () => {
    const large = "y".repeat(100_000);
    answering(large, "text/plain");
    mkdirSync(box.path(`home/downloads/${bodyDigest(Buffer.from(large))}.txt`));
    const { structured, isError } = await call("fetch", { url: merchant.url });
    expect([isError, structured.error.code]).toEqual([true, "file_exists"]);
    expect(structured.error.message).toContain("The answer arrived, but its body could not be kept");
    expect(structured.error.details.response).toMatchObject({ status: 200, body: { bytes: 100_000 } });
  });
});

describe("an image", () => {
  test.each(Object.entries(IMAGES))("of the type %s is image content, and in a file [mcp-images]", async (mimeType, data) => {
    answering(Buffer.from(data, "base64"), "application/octet-stream"); // the merchant's word does not count
    const { body, more, structured } = await fetched();
    expect(more).toEqual([{ type: "image", data, mimeType }]);
    expect(body).toMatchObject({ inline: "image", file: expect.any(String) as string });
    expect(JSON.stringify(structured)).not.toContain(data);
  });

  test.each([
    ["a page that is called one", Buffer.from("\x89PNG <html>", "latin1")],
    ["one whose side is longer than models take", Buffer.from(IMAGES["image/png"], "base64").fill(0x7f, 18, 20)],
    ["one that is cut off in its header", Buffer.from(IMAGES["image/jpeg"], "base64").subarray(0, 22)],
    ["a large one", Buffer.concat([Buffer.from(IMAGES["image/png"], "base64"), Buffer.alloc(MAX_INLINE_IMAGE_BYTES)])],
  ])("is not %s", async (_, file) => {
    answering(file, "image/png");
    const { body, more } = await fetched();
    expect([body.inline, more, readFileSync(body.file ?? "").length]).toEqual([undefined, [], file.length]);
  });
});

test("300 requests are listed in pages, each of a bounded size [mcp-list-pages]", async () => {
  merchant.reset();
  await ask(`${merchant.url}?listed`, "listed.json");
  fillInbox(box, box.read<PaymentRequest>("listed.json"), 300);
  interface Page {
    data: { requests: { requestDigest: string }[]; nextCursor?: string };
  }
  const page = async (args: object) => {
    const { structured, size } = await call("request_list", args);
    return { ...(structured as unknown as Page).data, size };
  };
  const first = await page({});
  expect([first.requests.length, first.size < 64 * 1024]).toEqual([MCP_PAGE_SIZE, true]);
  const seen = new Set<string>();
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const { requests, nextCursor } = await page({ limit: 100, ...(cursor !== "" && { cursor }) });
    for (const { requestDigest } of requests) seen.add(requestDigest);
    cursor = nextCursor;
  }
  expect(seen.size).toBeGreaterThanOrEqual(301);
});
