/** The vectors of proofs, spec/vectors/proofs.json: accounts of passkeys and policies, what they sign, and every way in which that is refused. */

import { hexToBytes, toBase64url } from "../shared/crypto/bytes.ts";
import { digest, type Digest } from "../shared/crypto/digest.ts";
import { accountOfPolicy } from "../shared/protocol/policy.ts";
import { type OwnedType, type Proof, verifyProof } from "../shared/protocol/proof.ts";
import { keySigner } from "../shared/protocol/signer.ts";
import { type AssertionChanges, policyOf, policyProof, TestPasskey } from "../test/passkey.ts";

/** One proof, and what verification says of it. */
export interface ProofVector {
  name: string;
  type: OwnedType;
  digest: Digest;
  account: string;
  /** With it passkeys of `http://localhost` are accepted. */
  localhost?: true;
  proof: Proof;
  good: boolean;
  /** Which rule is broken. */
  problem?: string;
}

const phone = new TestPasskey("desk.example", "0a".repeat(32));
const laptop = new TestPasskey("desk.example", "0b".repeat(32));
const tests = new TestPasskey("localhost", "0c".repeat(32), "http://localhost:8787");
const recovery = await keySigner(hexToBytes("01".repeat(32)));
const stranger = await keySigner(hexToBytes("04".repeat(32)));

/** What is signed is the caller's affair: a proof is over 32 bytes. */
const SIGNED = digest("Nonce", { from: phone.account });
const OTHER = digest("Nonce", { from: laptop.account });

const challenge = toBase64url(hexToBytes(SIGNED));
const clientText = (more: string) => `{"type":"webauthn.get","challenge":"${challenge}","origin":"https://desk.example"${more}}`;
const right = phone.assert(SIGNED);
const other = right.signature.startsWith("0") ? "1" : "0";

/** Of the curve's group. */
const ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/** Each breaks one rule. */
const REFUSED: Record<string, AssertionChanges> = {
  "clientDataJSON: of a registration": { client: { type: "webauthn.create" } },
  "clientDataJSON: a type in other letters": { client: { type: "Webauthn.get" } },
  "clientDataJSON: without a type": { client: { type: undefined } },
  "clientDataJSON: the challenge of something else": { client: { challenge: toBase64url(hexToBytes(OTHER)) } },
  "clientDataJSON: the challenge with padding": { client: { challenge: `${challenge}=` } },
  "clientDataJSON: the challenge in the standard alphabet, in hex": { client: { challenge: SIGNED } },
  "clientDataJSON: the challenge twice": { clientText: clientText(`,"challenge":"${challenge}"`) },
  "clientDataJSON: an origin over http": { client: { origin: "http://desk.example" } },
  "clientDataJSON: the origin of this machine, where that is not accepted": { client: { origin: "http://localhost:8787" } },
  "clientDataJSON: an origin with a port": { client: { origin: "https://desk.example:8443" } },
  "clientDataJSON: an origin with the default port": { client: { origin: "https://desk.example:443" } },
  "clientDataJSON: an origin with a path": { client: { origin: "https://desk.example/" } },
  "clientDataJSON: an origin with a dot at the end": { client: { origin: "https://desk.example." } },
  "clientDataJSON: an origin in capitals": { client: { origin: "https://Desk.example" } },
  "clientDataJSON: an origin with a user": { client: { origin: "https://user@desk.example" } },
  "clientDataJSON: the origin of a subdomain": { client: { origin: "https://pay.desk.example" } },
  "clientDataJSON: the origin of the domain above": { client: { origin: "https://example" } },
  "clientDataJSON: another origin": { client: { origin: "https://desk.evil.example" } },
  "clientDataJSON: an Android app": { client: { origin: "android:apk-key-hash:AAAA" } },
  "clientDataJSON: in a frame of another site": { client: { crossOrigin: true } },
  "clientDataJSON: crossOrigin that is null": { client: { crossOrigin: null } },
  "clientDataJSON: crossOrigin that is text": { client: { crossOrigin: "false" } },
  "clientDataJSON: with a topOrigin": { client: { topOrigin: "https://desk.example" } },
  "clientDataJSON: with a byte order mark": { clientText: `\uFEFF${clientText("")}` },
  "clientDataJSON: not JSON": { clientText: clientText("").slice(1) },
  "clientDataJSON: JSON of something else": { clientText: "[]" },
  "authenticatorData: of another domain": { rpId: "desk.evil.example" },
  "authenticatorData: the user was not present": { flags: 0x1c },
  "authenticatorData: the user was not verified": { flags: 0x19 },
  "authenticatorData: with attested data": { flags: 0x5d },
  "authenticatorData: with extensions": { flags: 0x9d, extra: new Uint8Array([0xa0]) },
  "authenticatorData: says that it has extensions, and has none": { flags: 0x9d },
  "authenticatorData: reserved bit 1": { flags: 0x1f },
  "authenticatorData: reserved bit 5": { flags: 0x3d },
  "authenticatorData: backed up, and cannot be": { flags: 0x15 },
  "authenticatorData: one byte more": { extra: new Uint8Array(1) },
  "authenticatorData: changed after the signature": {
    proof: { authenticatorData: phone.assert(SIGNED, { flags: 0x05 }).authenticatorData },
  },
  "signature: of another digest": { proof: { signature: phone.assert(OTHER).signature } },
  "signature: with the higher s": { highS: true },
  "signature: another first digit": { proof: { signature: other + right.signature.slice(1) } },
  "signature: r is 0": { proof: { signature: "0".repeat(64) + right.signature.slice(64) } },
  "signature: s is 0": { proof: { signature: right.signature.slice(0, 64) + "0".repeat(64) } },
  "signature: r is the order": { proof: { signature: ORDER + right.signature.slice(64) } },
  "publicKey: of another passkey": { proof: { publicKey: laptop.publicKey } },
  "publicKey: the other point of this x": { proof: { publicKey: flipped(phone.publicKey) } },
};

function flipped(point: string): string {
  return (point.startsWith("02") ? "03" : "02") + point.slice(2);
}

const signatureOf = async (signer: typeof recovery, signed: Digest = SIGNED) =>
  ({ kind: "ed25519", publicKey: signer.publicKey, signature: await signer.sign(signed) }) as const;

export async function proofVectors() {
  const twoOfThree = policyOf(2, phone, laptop, recovery);
  const oneOfTwo = policyOf(1, phone, recovery);
  const inOrder = async (...members: (TestPasskey | typeof recovery)[]) => {
    const sorted = members.toSorted((a, b) => (a.account < b.account ? -1 : 1));
    return Promise.all(
      sorted.map((member) => (member instanceof TestPasskey ? Promise.resolve(member.assert(SIGNED)) : signatureOf(member))),
    );
  };
  const accounts = [
    ...[phone, laptop, tests].map(({ rpId, publicKey, account }) => ({ kind: "webauthn", rpId, publicKey, account })),
    ...[oneOfTwo, twoOfThree, policyOf(1, phone)].map((policy) => ({ kind: "policy", policy, account: accountOfPolicy(policy) })),
  ];
  const all = await inOrder(phone, laptop, recovery);
  const two = await inOrder(phone, recovery);
  const policies: Omit<ProofVector, "good" | "problem">[] = [
    of("a policy, two of three", twoOfThree, policyProof(twoOfThree, ...two)),
    of("a policy, one of two, by its key", oneOfTwo, policyProof(oneOfTwo, await signatureOf(recovery))),
    of("a policy, one of two, by its passkey", oneOfTwo, policyProof(oneOfTwo, right)),
    { ...of("a policy, one of three for a revocation", twoOfThree, policyProof(twoOfThree, right)), type: "Revocation" },
    of("a policy, one of three for a payment", twoOfThree, policyProof(twoOfThree, right)),
    of("a policy, three where two are asked for", twoOfThree, policyProof(twoOfThree, ...all)),
    { ...of("a policy, two of three for a revocation", twoOfThree, policyProof(twoOfThree, ...two)), type: "Revocation" },
    of("a policy, out of order", twoOfThree, policyProof(twoOfThree, ...two.toReversed())),
    of("a policy, one member twice", twoOfThree, policyProof(twoOfThree, right, right)),
    of("a policy, a stranger among its members", oneOfTwo, policyProof(oneOfTwo, await signatureOf(stranger))),
    of("a policy, a member's signature of something else", oneOfTwo, policyProof(oneOfTwo, await signatureOf(recovery, OTHER))),
    of("a policy, a member's assertion of something else", oneOfTwo, policyProof(oneOfTwo, phone.assert(OTHER))),
    of("a policy, another threshold", twoOfThree, policyProof({ ...twoOfThree, threshold: "1" }, right)),
  ];
  const vectors: Omit<ProofVector, "good" | "problem">[] = [
    byPasskey("a passkey", {}),
    byPasskey("a passkey that is not synced", { flags: 0x05 }),
    byPasskey("a passkey, with members that browsers add", { client: { other_keys_can_be_added_here: "do not compare", x: null } }),
    byPasskey("a passkey, without crossOrigin", { client: { crossOrigin: undefined } }),
    { ...vectorOf("a passkey of this machine", tests.account, { proof: tests.assert(SIGNED) }), localhost: true },
    vectorOf("a passkey of this machine, where that is not accepted", tests.account, { proof: tests.assert(SIGNED) }),
    ...Object.entries(REFUSED).map(([name, changes]) => byPasskey(name, changes)),
    ...["127.0.0.1", "2130706433", "[::1]", "localhost"].map((host) => {
      const bound = new TestPasskey(host, "0d".repeat(32), host === "localhost" ? "http://localhost:8787/" : undefined);
      return { ...vectorOf(`a passkey of ${bound.origin}`, bound.account, { proof: bound.assert(SIGNED) }), localhost: true as const };
    }),
    vectorOf("a passkey of another account", laptop.account, { proof: right }),
    ...policies,
    vectorOf("a key", recovery.account, withoutKind(await signatureOf(recovery))),
    vectorOf("a key, for a passkey's account", phone.account, withoutKind(await signatureOf(recovery))),
  ];
  const proofs: ProofVector[] = [];
  for (const vector of vectors) {
    const claimed = { type: vector.type, digest: vector.digest, account: vector.account as never };
    const verdict = await verifyProof(vector.proof, claimed, { localhost: vector.localhost });
    const problem = verdict.ok ? undefined : verdict.problem;
    proofs.push({ ...vector, good: verdict.ok, ...(problem !== undefined && { problem }) });
  }
  return { accounts, proofs };
}

function withoutKind({ publicKey, signature }: { publicKey: string; signature: string }): Proof {
  return { publicKey, signature };
}

function byPasskey(name: string, changes: AssertionChanges) {
  return vectorOf(name, phone.account, { proof: phone.assert(SIGNED, changes) });
}

function of(name: string, policy: Parameters<typeof accountOfPolicy>[0], proof: ReturnType<typeof policyProof>) {
  return vectorOf(name, accountOfPolicy(policy), { proof });
}

function vectorOf(name: string, account: string, proof: Proof): Omit<ProofVector, "good" | "problem"> {
  return { name, type: "Authorization", digest: SIGNED, account, proof };
}
