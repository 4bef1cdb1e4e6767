/** The ledger Worker: it exports the Durable Object and has no public route. */
export { Ledger } from "./ledger.ts";

export default {
  fetch: () => new Response(null, { status: 404 }),
} satisfies ExportedHandler;
