/** What `cloudflare:workers` exports to the tests in this folder. */
declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import("./entry.ts");
  }
}
