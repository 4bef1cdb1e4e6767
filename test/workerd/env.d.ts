/** What `cloudflare:workers` exports to the tests in this folder. */
declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import("./entry.ts");
  }
}

/** A file's text, by Vite. */
declare module "*?raw" {
  const text: string;
  export default text;
}
