/** A Worker that is bound to the facilitator as a merchant is, and calls what it is told to. */

type Method = (...args: unknown[]) => Promise<unknown>;

export default {
  async fetch(request: Request, env: { FACILITATOR: Record<string, Method> }): Promise<Response> {
    const { method, args } = (await request.json()) as { method: string; args: unknown[] };
    return Response.json(await env.FACILITATOR[method]?.(...args));
  },
};
