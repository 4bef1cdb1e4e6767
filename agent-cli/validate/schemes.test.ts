import { expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { foreignMembers, isAssetOn, isPayeeOn } from "./schemes.ts";

const EVM = "eip155:84532";
const SOLANA = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
const LEZ = "logos:lez-testnet";
const ADDRESS = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

test("accounts and tokens have the form of their network", () => {
  expect([isPayeeOn(EVM, ADDRESS), isPayeeOn(EVM, "merchant"), isPayeeOn(SOLANA, DEMO_MERCHANT_ACCOUNT)]).toEqual([true, true, true]);
  expect([isPayeeOn(EVM, DEMO_MERCHANT_ACCOUNT), isPayeeOn(SOLANA, ADDRESS), isPayeeOn(EVM, `${ADDRESS}0`)]).toEqual([false, false, false]);
  expect([isAssetOn(EVM, ADDRESS), isAssetOn(EVM, "USD"), isAssetOn(EVM, "native"), isAssetOn(SOLANA, ADDRESS)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("of networks that are not known, nothing is said", () => {
  expect([isPayeeOn("example:one", "?"), isPayeeOn(undefined, ADDRESS), isPayeeOn(EVM, 7)]).toEqual([true, true, true]);
  expect(foreignMembers({ scheme: "exact", network: "example:one", extra: { feePayer: "", name: "", binding: "" } })).toEqual([]);
});

test.each<[scheme: string, network: string, extra: object, foreign: string[]]>([
  ["exact", EVM, { name: "USDC", version: "2", assetTransferMethod: "permit2", paymentFlow: "upfront" }, []],
  ["upto", EVM, { name: "USDC", version: "2", facilitatorAddress: ADDRESS }, []],
  ["batch-settlement", EVM, { receiverAuthorizer: ADDRESS, withdrawDelay: 900 }, []],
  ["exact", EVM, { facilitatorAddress: ADDRESS }, ['"facilitatorAddress" of upto']],
  ["exact", EVM, { binding: "", feePayer: "" }, ['"feePayer" of solana', '"binding" of logos']],
  ["exact", SOLANA, { feePayer: "", version: "2" }, ['"version" of eip155']],
  ["exact", LEZ, { binding: "", ledger: "", name: "USDC" }, ['"name" of eip155']],
  ["their-own", LEZ, { withdrawDelay: 1 }, []],
])("%s on %s with %j", (scheme, network, extra, foreign) => {
  expect(foreignMembers({ scheme, network, extra })).toEqual(foreign);
});
