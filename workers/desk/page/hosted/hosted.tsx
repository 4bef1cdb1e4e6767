/** The desk on a host of the owner's. */

import { render } from "preact";
import type { HostedDesk } from "../../../../shared/desk/hosted-api.ts";
import { Outside } from "../app.tsx";
import { Heading } from "../parts.tsx";

export function start(desk: HostedDesk, place: HTMLElement): void {
  render(
    <Outside>
      <Heading>{desk.origin}</Heading>
    </Outside>,
    place,
  );
}
