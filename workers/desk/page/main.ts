/** The page's entry: takes the token out of the link, and lets the browser draw the page's frame before it runs the rest. */

const TOKEN = /^#[0-9a-f]{64}$/;
/** A tab in the background draws nothing. */
const HIDDEN_MILLIS = 300;

function tokenOfLink(): string | undefined {
  const { hash } = location;
  if (!TOKEN.test(hash)) return undefined;
  // The history of the browser gets the page without its key.
  history.replaceState(null, "", "/#/");
  return hash.slice(1);
}

const token = tokenOfLink();
const drawn = new Promise<void>((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, HIDDEN_MILLIS);
});
void drawn.then(async () => (await import("./start.tsx")).start(token));
