/**
 * The load, in a process of its own: `node bench/load.ts URL CLIENTS SECONDS`, one header per line on stdin (none: unpaid).
 * Prints one JSON line: requests per second, percentiles in ms, and every status that came back. Runs out of headers → stops.
 */
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";

const [url = "", clients = "1", seconds = "1"] = process.argv.slice(2);
const headers: string[] = [];
for await (const line of createInterface({ input: process.stdin })) headers.push(line);

const agent = new Agent({ keepAlive: true, maxSockets: Number(clients) });
const statuses: Record<string, number> = {};
const latencies: number[] = [];
const paid = headers.length > 0;
const start = performance.now();
const end = start + Number(seconds) * 1000;

await Promise.all(Array.from({ length: Number(clients) }, client));
const took = (performance.now() - start) / 1000;
latencies.sort((a, b) => a - b);
const at = (share: number) => Number((latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0).toFixed(2));
console.log(
  JSON.stringify({ perSecond: Math.round(latencies.length / took), p50: at(0.5), p99: at(0.99), requests: latencies.length, statuses }),
);
process.exit(0);

async function client(): Promise<void> {
  while (performance.now() < end) {
    const header = paid ? headers.pop() : undefined;
    if (paid && header === undefined) return;
    const sent = performance.now();
    const status = await once(header);
    latencies.push(performance.now() - sent);
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
}

function once(header: string | undefined): Promise<string> {
  return new Promise((resolve) => {
    request(url, { agent, ...(header !== undefined && { headers: { "PAYMENT-SIGNATURE": header } }) }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
    })
      .on("error", (error) => resolve(error.message))
      .end();
  });
}
