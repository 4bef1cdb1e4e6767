/** A shop under test: its app, called with a facilitator in memory, and buyers with money. */

import { type AccountId, accountOfBytes, isAccountId } from "../shared/protocol/account.ts";
import { isAmount } from "../shared/protocol/amount.ts";
import { createBuyer, type TestBuyer } from "./buyer.ts";
import { type Fault, withFaults } from "./faults.ts";
import type { Balance, TestLedger, TestSettlement } from "./ledger.ts";

/** A Hono app, or any other Worker's default export. */
export interface App {
  fetch(request: Request, env?: object, context?: object): Response | Promise<Response>;
}

export interface TestShopOptions {
  /**
   * The Worker's other bindings. In the workers pool: those of the test project's configuration, by default. FACILITATOR_URL and
   * FACILITATOR_KEY are left out, since the facilitator is the kit's.
   */
  env?: Record<string, unknown>;
}

export interface TestShop {
  /** The bindings that the app is called with: the given ones, FACILITATOR, and PAY_TO if it was not given. For `app.request()`. */
  readonly env: Record<string, unknown>;
  /** A buyer with a key and an account of its own. @param balance atomic units as a decimal string; "0" for an empty account */
  buyer(options: { balance: string }): Promise<TestBuyer>;
  /** Asks the shop without paying. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** What an account holds. Default: the account that the shop is paid to. */
  balance(account?: string): Promise<Balance>;
  /** The payments that moved to an account, the oldest first. Default: the account that the shop is paid to. */
  settlements(account?: string): Promise<TestSettlement[]>;
  /** Lets the facilitator fail from now on, until `recover`. */
  fail(fault: Fault): void;
  recover(): void;
}

/** The shop's address, unless PUBLIC_ORIGIN names another one. */
const ORIGIN = "https://shop.example";

/** The account that a shop without PAY_TO is paid to. It has no key. */
const SHOP_ACCOUNT = accountOfBytes(new Uint8Array(32).fill(0x5e));

export function createShop(app: App, ledger: TestLedger, bindings: Record<string, unknown>): TestShop {
  let fault: Fault | undefined;
  const { FACILITATOR_URL: _, FACILITATOR_KEY: __, ...others } = bindings;
  const payTo = textOr(others["PAY_TO"], SHOP_ACCOUNT);
  const env = { ...others, PAY_TO: payTo, FACILITATOR: withFaults(ledger, () => fault) };
  const origin = textOr(others["PUBLIC_ORIGIN"], ORIGIN);

  const request = (path: string, init: RequestInit = {}) => new Request(new URL(path, origin), init);
  const send = async (request: Request) => app.fetch(request, env, executionContext());
  const balance = async (account = payTo) => ledger.balance(accountFrom(account));
  return {
    env,
    async buyer({ balance: given }) {
      const buyer = await createBuyer({ request, send, balance });
      if (given === "0") return buyer;
      if (!isAmount(given))
        throw new TypeError(`balance must be atomic units as a decimal string such as "10000", not ${JSON.stringify(given)}`);
      await ledger.give(accountFrom(buyer.account), given);
      return buyer;
    },
    fetch: (path, init) => send(request(path, init)),
    balance,
    settlements: async (account = payTo) => ledger.settlements(accountFrom(account)),
    fail: (kind) => void (fault = kind),
    recover: () => void (fault = undefined),
  };
}

function textOr(value: unknown, usual: string): string {
  return typeof value === "string" && value !== "" ? value : usual;
}

function accountFrom(account: string): AccountId {
  if (!isAccountId(account)) throw new TypeError(`not a LEZ account: ${account}`);
  return account;
}

/** Work after the answer goes on in the test's own process or isolate. */
function executionContext() {
  return { waitUntil: (work: Promise<unknown>) => void work.catch(() => undefined), passThroughOnException: () => undefined, props: {} };
}
