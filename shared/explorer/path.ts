/** Where a facilitator serves the explorer. */
export const EXPLORER_PATH = "/explorer/";
