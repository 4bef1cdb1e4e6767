/** Pages that an owner opens now and then. They are loaded when they are first shown. */

export { GrantPage } from "./grant.tsx";
export { NewAccount, SecondDevice } from "./new-account.tsx";
export { PairPage } from "./pairing.tsx";
export { ProposedPage } from "./proposed.tsx";
export { Settings } from "./settings.tsx";
export { Elsewhere } from "./terminal-decision.tsx";
export { AtTerminal } from "./terminal-sign-in.tsx";
