/** A string that has passed the check its name promises. The brand exists for the compiler only. */
export type Brand<Name extends string> = string & { readonly __brand: Name };

/** SHA-256 of a protocol object, 64 lowercase hex digits. */
export type Digest = Brand<"Digest">;
