/**
 * Makes `chromium-assertions.json`: assertions of a real browser over digests of ours, with its virtual authenticator. Run it by hand where
 * Chromium is installed: `npx node test/vectors/chromium-assertions.ts [path of chromium]`. It talks to the browser over its debugging port,
 * answers every request of the page itself, and needs no network and no package.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const [, , chromium = "chromium"] = process.argv;
const ORIGINS = ["https://desk.example", "https://pay.shop.example", "http://localhost:8787"];
const DIGESTS = ["5e".repeat(32), "00".repeat(31) + "fe"];

/** Runs in the page: makes a passkey and signs each digest with it. */
const IN_PAGE = `async (digests) => {
  const bytes = (hex) => Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
  const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const made = await navigator.credentials.create({ publicKey: {
    challenge: new Uint8Array(32), rp: { name: "test" }, user: { id: new Uint8Array(16), name: "owner", displayName: "owner" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  } });
  const assertions = [];
  for (const digest of digests) {
    const { response } = await navigator.credentials.get({ publicKey: {
      challenge: bytes(digest), userVerification: "required", allowCredentials: [{ type: "public-key", id: made.rawId }],
    } });
    const { authenticatorData, clientDataJSON, signature } = response;
    assertions.push({ digest, authenticatorData: hex(authenticatorData), clientDataJSON: hex(clientDataJSON), signature: hex(signature) });
  }
  return { spki: hex(made.response.getPublicKey()), assertions };
}`;

const profile = mkdtempSync(path.join(tmpdir(), "assertions-"));
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
const browser = spawn(chromium, flags, { stdio: ["ignore", "ignore", "pipe"] });
try {
  const socket = new WebSocket(await debuggerOf(browser.stderr));
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  const call = caller(socket);
  const { product } = (await call("Browser.getVersion")) as { product: string };
  const made = [];
  for (const origin of ORIGINS) made.push({ origin, ...(await assertionsOf(call, socket, origin)) });
  const content = { source: `${product}, virtual authenticator (ctap2, internal)`, passkeys: made };
  writeFileSync(new URL("chromium-assertions.json", import.meta.url), `${JSON.stringify(content, undefined, 2)}\n`);
} finally {
  browser.kill();
  await new Promise((resolve) => browser.once("exit", resolve));
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}

type Call = (method: string, params?: object, session?: string) => Promise<unknown>;

async function assertionsOf(call: Call, socket: WebSocket, origin: string): Promise<object> {
  const { targetId } = (await call("Target.createTarget", { url: "about:blank" })) as { targetId: string };
  const { sessionId } = (await call("Target.attachToTarget", { targetId, flatten: true })) as { sessionId: string };
  const page = (method: string, params?: object) => call(method, params, sessionId);
  socket.addEventListener("message", ({ data }) => {
    const { method, sessionId: of, params } = JSON.parse(String(data)) as { method?: string; sessionId?: string; params?: { requestId: string } };
    if (method !== "Fetch.requestPaused" || of !== sessionId) return;
    const responseHeaders = [{ name: "Content-Type", value: "text/html" }];
    const answer = { requestId: params?.requestId, responseCode: 200, responseHeaders, body: btoa("<title>desk</title>") };
    // A page that was closed asks for its icon in vain.
    page("Fetch.fulfillRequest", answer).catch(() => undefined);
  });
  await page("Fetch.enable", { patterns: [{ urlPattern: "*" }] });
  await page("WebAuthn.enable", { enableUI: false });
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
  await page("WebAuthn.addVirtualAuthenticator", { options: { ...options, automaticPresenceSimulation: true } });
  await page("Page.enable");
  const loaded = event(socket, "Page.loadEventFired");
  await page("Page.navigate", { url: `${origin}/` });
  await loaded;
  const expression = `(${IN_PAGE})(${JSON.stringify(DIGESTS)})`;
  const run = (await page("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true })) as {
    result: { value?: object; description?: string };
  };
  if (run.result.value === undefined) throw new Error(`${origin}: ${run.result.description}`);
  await call("Target.closeTarget", { targetId });
  return run.result.value;
}

async function debuggerOf(stderr: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of stderr) {
    text += String(chunk);
    const address = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error(`the browser did not start: ${text}`);
}

function caller(socket: WebSocket): Call {
  let last = 0;
  return (method, params = {}, sessionId) => {
    const id = ++last;
    socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    return new Promise((resolve, reject) => {
      const listen = ({ data }: MessageEvent) => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
        if (answer.id !== id) return;
        socket.removeEventListener("message", listen);
        if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
        else resolve(answer.result);
      };
      socket.addEventListener("message", listen);
    });
  };
}

function event(socket: WebSocket, name: string): Promise<void> {
  return new Promise((resolve) => {
    const listen = ({ data }: MessageEvent) => {
      if ((JSON.parse(String(data)) as { method?: string }).method !== name) return;
      socket.removeEventListener("message", listen);
      resolve();
    };
    socket.addEventListener("message", listen);
  });
}
