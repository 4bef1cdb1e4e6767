import { describe, expect, test } from "vitest";
import { type Egress, pushAddress, webhookAddress } from "./outgoing.ts";

describe("a push goes to", () => {
  test.each([
    "https://fcm.googleapis.com/fcm/send/eXaMpLe:APA91b",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
    "https://web.push.apple.com/QGuQyavXutnMH",
    "https://wns2-by3p.notify.windows.com/w/?token=BQYAAA",
  ])("%s", (address) => expect(pushAddress(address, {})).toMatchObject({ ok: true }));
});

const HOSTILE: [what: string, address: string][] = [
  ["plain HTTP", "http://fcm.googleapis.com/fcm/send/a"],
  ["another port", "https://fcm.googleapis.com:8443/a"],
  ["credentials", "https://user:pass@fcm.googleapis.com/a"],
  ["a user name that is a host", "https://fcm.googleapis.com@evil.example/a"],
  ["a host that only begins like one", "https://fcm.googleapis.com.evil.example/a"],
  ["a host that only ends like one", "https://evilpush.services.mozilla.com.example/a"],
  ["a host with a look-alike letter", "https://fcm.googleapіs.com/a"],
  ["this machine", "https://localhost/a"],
  ["this machine's address", "https://127.0.0.1/a"],
  ["its address as one number", "https://2130706433/a"],
  ["its address in hex", "https://0x7f000001/a"],
  ["its address in IPv6", "https://[::1]/a"],
  ["its address in IPv6, mapped", "https://[::ffff:127.0.0.1]/a"],
  ["the cloud's own data", "https://169.254.169.254/latest/meta-data"],
  ["a private network", "https://10.0.0.7/a"],
  ["a name at home", "https://nas.local/a"],
  ["a name of one label", "https://intranet/a"],
  ["another scheme", "file:///etc/passwd"],
  ["data", "data:text/plain,a"],
  ["no address", "fcm.googleapis.com/a"],
  ["an address too long", `https://fcm.googleapis.com/${"a".repeat(2048)}`],
];

describe("no push goes to", () => {
  test.each(HOSTILE)("%s", (_what, address) => expect(pushAddress(address, {})).toMatchObject({ ok: false }));
  test("a server that anyone could run", () => {
    expect(pushAddress("https://push.example.com/a", {})).toEqual({
      ok: false,
      problem: "push.example.com is no push service that this desk knows",
    });
  });
});

describe("no webhook goes to", () => {
  test.each(HOSTILE)("%s", (what, address) => {
    // These name hosts that are public, if not what they seem.
    const isPublic = what.startsWith("a host");
    expect(webhookAddress(address, "ntfy", {}).ok).toBe(isPublic);
    expect(webhookAddress(address, "slack", {}).ok).toBe(false);
    expect(webhookAddress(address, "discord", {}).ok).toBe(false);
  });
});

test.each([
  ["ntfy", "https://ntfy.sh/owner-of-seven-cats"],
  ["ntfy", "https://ntfy.example.com/desk"],
  ["slack", "https://hooks.slack.com/services/T0/B0/XX"],
  ["discord", "https://discord.com/api/webhooks/1/abc"],
] as const)("a webhook of %s goes to %s", (format, address) => expect(webhookAddress(address, format, {})).toMatchObject({ ok: true }));

describe("a test's push service counts", () => {
  const LOCAL = "http://127.0.0.1:4021/push/1";
  const address = (env: Egress) => pushAddress(LOCAL, env).ok;
  test("beside FAUCET=on alone, and at its own port alone [push-test-host]", () => {
    expect(address({ PUSH_TEST_HOST: "127.0.0.1:4021", FAUCET: "on" })).toBe(true);
    expect(address({ PUSH_TEST_HOST: "127.0.0.1:4021", FAUCET: "off" })).toBe(false);
    expect(address({ PUSH_TEST_HOST: "127.0.0.1:4021" })).toBe(false);
    expect(address({ PUSH_TEST_HOST: "127.0.0.1:4022", FAUCET: "on" })).toBe(false);
    expect(address({ FAUCET: "on", DESK_EGRESS: "loopback" })).toBe(false);
  });
});

test("a webhook to this machine counts where the operator of a test says so", () => {
  const LOCAL = "http://127.0.0.1:4021/hook";
  expect(webhookAddress(LOCAL, "slack", { DESK_EGRESS: "loopback" })).toMatchObject({ ok: true });
  expect(webhookAddress(LOCAL, "slack", {})).toMatchObject({ ok: false });
  expect(webhookAddress("http://10.0.0.7/hook", "slack", { DESK_EGRESS: "loopback" })).toMatchObject({ ok: false });
  expect(webhookAddress("http://me:pw@127.0.0.1/hook", "slack", { DESK_EGRESS: "loopback" })).toMatchObject({ ok: false });
});
