/** Facilitator and ledger in one Worker, so that the tests beside this file can reach into the Durable Object. */
export { default } from "../../workers/facilitator/index.ts";
export { Ledger } from "../../workers/ledger-do/index.ts";
