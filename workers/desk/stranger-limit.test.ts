/** Calls of agents that are refused: one network makes only so many. */

import { describe, expect, test } from "vitest";
import { AGENT_PATH, DESK_CALL_HEADER } from "../../shared/desk/agent-api.ts";
import { signDeskCall } from "../../shared/desk/call-check.ts";
import { unixNow } from "../../shared/time.ts";
import { agent, owner } from "../../test/fixtures.ts";
import { answerAgentCall } from "./agent-routes.ts";
import type { WorkerEnv } from "./worker-env.ts";

describe("calls that are refused for who calls", () => {
  /** @param limit calls of a network that the platform lets through */
  function desk(limit: number, verdict: unknown) {
    const calls = new Map<string, number>();
    let woken = 0;
    const env = {
      STRANGER_LIMIT: {
        limit: async ({ key }: { key: string }) => {
          calls.set(key, (calls.get(key) ?? 0) + 1);
          return { success: (calls.get(key) ?? 0) <= limit };
        },
      },
      DESK: { getByName: () => ({ agent: async () => (woken++, verdict) }) },
    } as unknown as WorkerEnv;
    const call = async (from: string) => {
      const path = `${AGENT_PATH}${owner.account}/mandates`;
      const sent = { desk: "https://desk.example", method: "GET", path, body: new Uint8Array() };
      const headers = { [DESK_CALL_HEADER]: await signDeskCall(sent, agent, unixNow()), "CF-Connecting-IP": from };
      return answerAgentCall(new Request(`https://desk.example${path}`, { headers }), env);
    };
    const status = async (from: string) => (await call(from)).status;
    return { call, status, woken: () => woken, calls };
  }
  const NOT_PAIRED = { ok: false, error: { code: "not_paired", message: "No.", hint: "Pair." } };

  test("are counted for their network, which is then not listened to for a moment; others are [desk-refused-often]", async () => {
    const { call, status, woken } = desk(3, NOT_PAIRED);
    // Four addresses of one /64.
    for (const host of [1, 2, 3, 4]) expect(await status(`2001:db8:0:1::${host}`)).toBe(403);
    const late = await call("2001:db8:0:1::5");
    expect([late.status, late.headers.get("Retry-After"), woken()]).toEqual([429, "10", 4]);
    expect(await status("2001:db8:0:2::1")).toBe(403);
  });

  test("and none that is good", async () => {
    const { status, calls } = desk(0, { ok: true, data: {} });
    for (let i = 0; i < 5; i++) expect(await status("203.0.113.9")).toBe(200);
    expect(calls.size).toBe(0);
  });

  test("and one without a signature is", async () => {
    const { calls } = desk(3, NOT_PAIRED);
    const env = {
      STRANGER_LIMIT: { limit: async ({ key }: { key: string }) => (calls.set(key, 1), { success: true }) },
    } as unknown as WorkerEnv;
    const answer = await answerAgentCall(
      new Request(`https://desk.example${AGENT_PATH}x`, { headers: { "CF-Connecting-IP": "203.0.113.8" } }),
      env,
    );
    const { error } = (await answer.json()) as { error: { message: string } };
    expect([answer.status, error.message, calls.size]).toEqual([401, "The call is not signed: it has no Desk-Call.", 1]);
  });
});
