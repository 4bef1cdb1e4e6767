/** The page's worker in Chromium: it is registered under the page's own policy, and shows what was pushed. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Browser, openBrowser } from "./chromium.ts";
import { useWebStack } from "./use-browser.ts";

const DIGEST = "ab".repeat(32);
/** First as a page under Trusted Types must not, then as hosted/push.ts does. */
const REGISTER = `(async () => {
  const plain = await navigator.serviceWorker.register("/sw.js").then(() => "taken", ({ name }) => name);
  const policy = trustedTypes.createPolicy("desk-worker", { createScriptURL: (url) => url });
  await navigator.serviceWorker.register(policy.createScriptURL("/sw.js"));
  await navigator.serviceWorker.ready;
  return plain;
})()`;
const SHOWN = `(async () => {
  const notices = await (await navigator.serviceWorker.ready).getNotifications();
  return notices.map(({ title, body, tag, data }) => ({ title, body, tag, path: data }));
})()`;
interface Shown {
  title: string;
  body: string;
  tag: string;
  path: unknown;
}

const world = useWebStack();
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser({ notices: true });
});
afterAll(() => browser.close());

test("a push is shown, whatever is in it, and names no other address than one of the desk [push-shown]", async () => {
  const desk = world.stack.desk ?? "";
  const context = await browser.context({ permissions: ["notifications"] });
  const page = await context.newPage();
  await page.goto(desk);
  const registered = await page.evaluate<string>(REGISTER);
  expect(registered).toBe("TypeError");

  const devtools = await context.newCDPSession(page);
  const registration = new Promise<string>((resolve) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const [found] = registrations;
      if (found) resolve(found.registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  const registrationId = await registration;
  const push = async (data: string) => {
    await devtools.send("ServiceWorker.deliverPushMessage", { origin: desk, registrationId, data });
  };
  const shown = () => page.evaluate<Shown[]>(SHOWN);
  const notice = { title: "Research agent asks for 0.25 LGO", text: "Code 7F3K-9QPD.", path: `/#/request/${DIGEST}`, tag: DIGEST };
  await push(JSON.stringify(notice));
  await expect.poll(shown).toEqual([{ title: notice.title, body: notice.text, tag: DIGEST, path: notice.path }]);
  await push(JSON.stringify({ ...notice, title: "Still waiting" }));
  await expect.poll(shown).toMatchObject([{ title: "Still waiting", tag: DIGEST }]);
  await push(JSON.stringify({ ...notice, tag: "elsewhere", path: "https://evil.example/" }));
  await push("not of the desk");
  await expect.poll(shown).toHaveLength(3);
  expect((await shown()).filter(({ tag }) => tag !== DIGEST)).toMatchObject([
    { path: "/#/" },
    { title: "A request may wait", path: "/#/" },
  ]);
  await context.close();
});
