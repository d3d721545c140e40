/** What a test of the HTTP door stands on: a door on a free port, over a service in memory. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Backend, Inbox, Journal } from '../../src/backends/index.ts';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { type HttpOptions, startHttpDoor } from '../../src/http/index.ts';
import { type Service, startService } from '../../src/service/index.ts';
import { type Work, work } from '../service/stand.ts';

export interface Stand extends AsyncDisposable {
  readonly url: string;
  readonly service: Service;
  readonly backend: Backend;
  /** A task whose work the test ends. */
  readonly work: Work;
  /** What a caller was told nothing of. */
  readonly errors: unknown[];
}

interface StandOptions extends HttpOptions {
  /** Parts of the backend that stand in for its own. */
  readonly replace?: (backend: Backend) => { inbox?: Partial<Inbox>; journal?: Partial<Journal> };
}

export async function openStand({ replace = () => ({}), ...options }: StandOptions = {}): Promise<Stand> {
  const memory = memoryBackend();
  const parts = replace(memory);
  const backend: Backend = {
    ...memory,
    inbox: override(memory.inbox, parts.inbox),
    journal: override(memory.journal, parts.journal),
  };
  const tested = work();
  const service = await startService({ backend, tasks: [tested.task], drainWithin: 0, onReport: () => {} });
  const errors: unknown[] = [];
  const door = await startHttpDoor(
    { port: 0, ...options },
    { running: () => ({ service, backend }), onError: (error) => errors.push(error) },
  );
  return {
    url: door.url,
    service,
    backend,
    work: tested,
    errors,
    async [Symbol.asyncDispose]() {
      await door.close();
      await service.drain();
      await memory.close();
    },
  };
}

/** The part's own methods are called on itself: they may keep private fields. */
function override<Part extends object>(part: Part, parts: Partial<Part> = {}): Part {
  return new Proxy(part, {
    get(target, name) {
      const given = (parts as Record<PropertyKey, unknown>)[name];
      if (given !== undefined) return given;
      const own: unknown = Reflect.get(target, name, target);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly type: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what came is what the test looks at.
  readonly body: any;
}

export async function ask(url: string, init: RequestInit = {}): Promise<Answered> {
  const answer = await fetch(url, init);
  const { status, headers } = answer;
  const body = await answer.text();
  return {
    status,
    headers,
    type: headers.get('content-type'),
    body: body === '' ? undefined : JSON.parse(body),
  };
}

/** @param body Text as it is, anything else as JSON. */
export function post(
  url: string,
  body: object | string,
  headers: Record<string, string> = {},
): Promise<Answered> {
  return ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
}

/** Sends bytes as they are, and gives what comes until the connection ends. */
export async function raw(url: string, bytes: string | Buffer): Promise<Omit<Answered, 'headers'>> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  const answer = await text(socket);
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
  return {
    status: Number(head.split(' ')[1]),
    type: /^content-type: (.*)$/im.exec(head)?.[1] ?? null,
    body: body === '' ? undefined : JSON.parse(body),
  };
}

/** The same answer in every test of a problem: its form, and nothing of where the program lies. */
export const PROBLEM = 'application/problem+json; charset=utf-8';
