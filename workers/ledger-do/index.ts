/** The ledger Worker: home of the Durable Object, and nothing to see from outside. */
export { Ledger } from "./ledger.ts";

export default {
  fetch: () => new Response(null, { status: 404 }),
} satisfies ExportedHandler;
