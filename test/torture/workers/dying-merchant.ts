/** A merchant that tells its test of every step of a sale, before and after, and waits for it: the test may kill it there. */

import { Hono } from "hono";
import { paywall, type PaywallBindings, type PaywallEnv } from "../../../workers/merchant/paywall/index.ts";

export { Deliveries } from "../../../workers/merchant/paywall/memory/deliveries.ts";

interface Env extends PaywallBindings {
  /** Asked at every step; does not answer where the merchant is to die. */
  HOOK: string;
}

const app = new Hono<{ Bindings: Env; Variables: PaywallEnv["Variables"] }>();
const PRICE = { amount: "10000" };
for (const flow of ["authorization", "upfront"] as const) {
  app.get(`/${flow}`, paywall({ ...PRICE, flow }), async (c) => {
    await reach(c.env.HOOK, "run");
    return c.text("goods");
  });
}

async function reach(hook: string, step: string): Promise<void> {
  await (await fetch(`${hook}/${step}`)).text();
}

/** The same object, whose methods of these names are steps. */
function stepped<T extends object>(target: T, names: string[], hook: string): T {
  const methods = names.map((name) => [
    name,
    async (...args: unknown[]) => {
      await reach(hook, `before-${name}`);
      const result = await (target as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args);
      await reach(hook, `after-${name}`);
      return result;
    },
  ]);
  return new Proxy(target, {
    get: (object, name) => (Object.fromEntries(methods) as Record<string | symbol, unknown>)[name] ?? Reflect.get(object, name),
  });
}

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const { FACILITATOR, DELIVERIES, HOOK } = env;
    const watched = {
      ...env,
      ...(FACILITATOR && { FACILITATOR: stepped(FACILITATOR, ["reserve", "capture", "settle"], HOOK) }),
      ...(DELIVERIES && {
        DELIVERIES: { getByName: (name: string) => stepped(DELIVERIES.getByName(name) as object, ["claim", "store", "paid"], HOOK) },
      }),
    };
    return app.fetch(request, watched, ctx);
  },
};
