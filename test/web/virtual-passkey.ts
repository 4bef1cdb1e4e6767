/** An authenticator of Chromium that is software: it confirms at once, as an owner would, and its passkeys can be copied to another tab. */

import type { CDPSession, Page } from "playwright-core";

interface VirtualCredential {
  credentialId: string;
  isResidentCredential: boolean;
  rpId?: string;
  privateKey: string;
  userHandle?: string;
  signCount: number;
}

export interface Authenticator {
  /** What it has signed or made so far, by the counters of its passkeys. */
  credentials(): Promise<VirtualCredential[]>;
  add(credentials: readonly VirtualCredential[]): Promise<void>;
  /** Whether the owner is verified when it is asked. */
  verifies(verified: boolean): Promise<void>;
}

/** @param transport `internal`: of the device itself */
export async function addAuthenticator(page: Page, transport: "internal" | "usb" = "internal"): Promise<Authenticator> {
  const session: CDPSession = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable", { enableUI: false });
  const options = { protocol: "ctap2", transport, hasResidentKey: true, hasUserVerification: true, isUserVerified: true } as const;
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { ...options, automaticPresenceSimulation: true },
  });
  return {
    credentials: async () => (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    async add(credentials) {
      for (const credential of credentials) await session.send("WebAuthn.addCredential", { authenticatorId, credential });
    },
    verifies: async (isUserVerified) => void (await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified })),
  };
}
