/** The page's service worker: shows the notices of the desk, and opens the request at a click. It answers no request of the page. */

const worker = self as unknown as ServiceWorkerGlobalScope;

/** What the desk encrypted for this browser. */
interface Notice {
  title: string;
  text: string;
  path: string;
  tag: string;
}

const PATH = /^\/#\/(request\/[0-9a-f]{64}|allowances)?$/;
const ICON = "/icon.svg";

worker.addEventListener("push", (event) => event.waitUntil(show(noticeOf(event))));
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(pathOf(event.notification.data)));
});
/** Only the owner's proof can add the browser again. */
worker.addEventListener("pushsubscriptionchange", (event) =>
  (event as ExtendableEvent).waitUntil(
    show({ title: "This device gets no more notices", text: "Open the desk, and turn them on again.", path: "/#/", tag: "subscription" }),
  ),
);

/** A browser asks for a notification at every push, whatever is in it. */
function noticeOf({ data }: PushEvent): Notice {
  try {
    const { title, text, path, tag } = (data?.json() ?? {}) as Record<keyof Notice, unknown>;
    if (typeof title === "string" && typeof text === "string" && typeof tag === "string") return { title, text, path: pathOf(path), tag };
  } catch {
    // Not the desk's.
  }
  return { title: "A request may wait", text: "Open the desk to look.", path: "/#/", tag: "unknown" };
}

function show({ title, text, path, tag }: Notice): Promise<void> {
  return worker.registration.showNotification(title, { body: text, tag, icon: ICON, badge: ICON, data: path });
}

async function open(path: string): Promise<void> {
  const [page] = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = page && (await page.navigate(path).catch(() => null));
  await (shown ? shown.focus() : worker.clients.openWindow(path));
}

/** No address but one of this page. */
function pathOf(value: unknown): string {
  return typeof value === "string" && PATH.test(value) ? value : "/#/";
}
