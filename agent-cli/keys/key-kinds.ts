/** The two kinds of an owner's key. They have different accounts, which look alike, and different money. */

/** `ed25519`: of the mock ledger. `lez`: secp256k1, of the Logos Execution Zone itself. */
export const KEY_KINDS = ["ed25519", "lez"] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** What a screen says of a key. */
export const KIND_TEXT: Record<KeyKind, string> = {
  ed25519: "Ed25519, of the mock ledger",
  lez: "LEZ key, of the Logos Execution Zone itself and not of the mock ledger",
};
