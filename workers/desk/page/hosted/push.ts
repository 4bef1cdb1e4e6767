/** This browser as a device that is told of requests: what the owner signs to add it. */

/** What the setting `device.add` has of it. */
export interface DeviceSubscription {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

export type Subscribed = { ok: true; subscription: DeviceSubscription } | { ok: false; problem: "unsupported" | "denied" | "failed" };

/** The only script that the policy of this page lets it run as a worker. */
const WORKER = "/sw.js";
/** As the desk's headers name it. */
const TRUSTED_POLICY = "desk-worker";

/** Asks the person for permission, so call it at a click. @param pushKey of `HostedDesk`, base64url */
export async function subscribe(pushKey: string): Promise<Subscribed> {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return { ok: false, problem: "unsupported" };
  if ((await Notification.requestPermission()) !== "granted") return { ok: false, problem: "denied" };
  try {
    const registration = await navigator.serviceWorker.register(workerAddress(), { scope: "/" });
    await navigator.serviceWorker.ready;
    // One of another key of this desk's, from before, would stay without notices.
    await (await registration.pushManager.getSubscription())?.unsubscribe();
    const { endpoint, keys } = (
      await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: pushKey })
    ).toJSON();
    const { p256dh, auth } = keys ?? {};
    return endpoint && p256dh && auth ? { ok: true, subscription: { endpoint, keys: { p256dh, auth } } } : { ok: false, problem: "failed" };
  } catch {
    return { ok: false, problem: "failed" };
  }
}

interface TrustedPolicy {
  createScriptURL(url: string): string;
}
/** A page makes a policy of a name once. */
let policy: TrustedPolicy | undefined;

/** Under Trusted Types the address of a worker is no plain text. */
function workerAddress(): string {
  const { trustedTypes } = window as { trustedTypes?: { createPolicy(name: string, rules: TrustedPolicy): TrustedPolicy } };
  policy ??= trustedTypes?.createPolicy(TRUSTED_POLICY, { createScriptURL: () => WORKER });
  return policy?.createScriptURL(WORKER) ?? WORKER;
}
