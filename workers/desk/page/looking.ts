/** What an owner looks at now and then: loaded when it is first shown. */

export { readNativeWire } from "../../../shared/desk/native-wire.ts";
export { Allowances } from "./allowances.tsx";
export { History } from "./history.tsx";
export { ReceiptPage } from "./receipt.tsx";
