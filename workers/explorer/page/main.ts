/** The page's entry: takes what the link opens out of the address, and lets the browser draw the page's frame before it runs the rest. */

const OPENING = /^#open=/;
/** A tab in the background draws nothing. */
const HIDDEN_MILLIS = 300;

function fragmentOfLink(): string | undefined {
  const { hash, pathname } = location;
  if (!OPENING.test(hash)) return undefined;
  // The history of the browser gets the page without its key.
  history.replaceState(null, "", `${pathname}#/`);
  return hash;
}

const fragment = fragmentOfLink();
const drawn = new Promise<void>((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, HIDDEN_MILLIS);
});
void drawn.then(async () => (await import("./start.tsx")).start(fragment));
