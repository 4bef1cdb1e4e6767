/**
 * The load generator, in a process of its own: prebuilt requests over plain sockets, as cheap as Node allows, because it shares
 * the machine with the system that it measures. It parses just enough of HTTP/1.1 to find an answer's end, status and body.
 * stdin: one LoadPlan. stdout: one LoadResult.
 */

import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";

export interface LoadPlan {
  port: number;
  clients: number;
  seconds: number;
  /** Whole requests. Each is sent once; the burst ends with the last. */
  requests: string[];
  /** Repeats the first request instead. */
  repeat: boolean;
  expected: Expected;
}

/** The expected answer: this status, and this text in its body. */
export interface Expected {
  status: number;
  body?: string;
}

export interface LoadResult {
  seconds: number;
  /** Expected answers. */
  answered: number;
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Other answers, and how often they came. */
  unexpected: Record<string, number>;
}

const PATIENCE_MILLIS = 15_000;

export async function runLoad({ port, clients, seconds, requests, repeat, expected }: LoadPlan): Promise<LoadResult> {
  const ready = requests.map((request) => Buffer.from(request, "latin1"));
  const latencies: number[] = [];
  const unexpected: Record<string, number> = {};
  const sockets = await Promise.all(Array.from({ length: clients }, () => open(port)));
  const start = performance.now();
  const end = start + seconds * 1000;
  await Promise.all(sockets.map(client));
  const took = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => Number((latencies[Math.floor(latencies.length * share)] ?? Number.NaN).toFixed(3));
  const answered = latencies.length;
  return { seconds: took, answered, perSecond: Math.round(answered / took), p50: at(0.5), p99: at(0.99), unexpected };

  function client({ socket, receive }: Connection): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let sent = 0;
    let head = Buffer.alloc(0);
    const next = () => {
      const now = performance.now();
      const request = now < end ? (repeat ? ready[0] : ready.pop()) : undefined;
      if (!request) return finish();
      sent = now;
      socket.write(request);
    };
    const finish = (problem?: string) => {
      if (problem !== undefined) count(problem);
      socket.destroy();
      resolve();
    };
    receive((chunk) => {
      const bytes = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const answer = readAnswer(bytes);
      if (!answer) return void (head = Buffer.from(bytes)); // `chunk` is reused for the next one
      head = Buffer.alloc(0);
      if (answer.status === expected.status && (expected.body === undefined || bytes.includes(expected.body))) {
        latencies.push(performance.now() - sent);
      } else {
        count(
          `${answer.status} ${bytes
            .subarray(answer.bodyAt, answer.bodyAt + 120)
            .toString()
            .replaceAll(/\s+/g, " ")}`,
        );
      }
      next();
      return undefined;
    });
    socket.setTimeout(PATIENCE_MILLIS, () => finish("no answer"));
    socket.once("error", ({ message }) => finish(message)).once("end", () => finish("closed"));
    next();
    return promise;
  }

  function count(problem: string): void {
    unexpected[problem] = (unexpected[problem] ?? 0) + 1;
  }
}

interface Connection {
  socket: Socket;
  receive: (take: (chunk: Buffer) => void) => void;
}

/** One buffer per socket, used again for every chunk. */
function open(port: number): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  let take: (chunk: Buffer) => void = () => undefined;
  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(64 * 1024),
      callback(length, buffer) {
        take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        return true;
      },
    },
  });
  socket.once("error", reject).once("connect", () => {
    socket.off("error", reject);
    resolve({ socket, receive: (taker) => (take = taker) });
  });
  return promise;
}

/** The status of the answer at the start of `bytes`; undefined until it is complete. */
export function readAnswer(bytes: Buffer): { status: number; bodyAt: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const answer = { status: Number(head.slice(9, 12)), bodyAt: headEnd + 4 };
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1];
  const complete = length === undefined ? bytes.subarray(-5).equals(LAST_CHUNK) : bytes.length >= answer.bodyAt + Number(length);
  return complete ? answer : undefined;
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");

if (import.meta.main) process.stdout.write(JSON.stringify(await runLoad(JSON.parse(await text(process.stdin)) as LoadPlan)));
