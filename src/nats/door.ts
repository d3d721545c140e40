import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import type { NatsConnection, ServiceMsg } from 'nats';
import { z } from 'zod';
import { type Problem, problem, problemOf } from '../doors/index.ts';
import type { Service } from '../service/index.ts';
import { type Endpoint, endpoints } from './endpoints.ts';

/**
 * The door for NATS: request and reply, as a service that `nats micro` finds, pings and counts.
 *
 * - N1. Whatever bytes come, who asked is answered: with what was asked for, or with a problem, the same as over HTTP.
 * - N2. Of all processes that have this door open, one gets a request. Before it closes it leaves them, and answers what it got.
 * - N3. It answers nobody under the subjects that it, its backend or the server work with: a request must not make it speak for another.
 */
export interface NatsDoor extends AsyncDisposable {
  /** Takes no more requests, answers those that it got, and is gone. The connection stays open. Safe to call twice. */
  close(): Promise<void>;
}

interface NatsDoorOptions {
  readonly service: Service;
  /** Before all subjects, as it is the backend's. @default 'taskchart' */
  readonly prefix?: string;
  /** Told of an error that a caller is told nothing of, and of the door's end that nobody asked for. */
  readonly onError: (error: unknown, request?: { subject: string }) => void;
}

/** How long what is under way may take when the door closes, in ms. */
const CLOSE_WITHIN = 5_000;

const manifestSchema = z.object({ version: z.string(), description: z.string() });

/** @param connection Its owner's, who closes it after the door. */
export async function startNatsDoor(
  connection: NatsConnection,
  { service, prefix = 'taskchart', onError }: NatsDoorOptions,
): Promise<NatsDoor> {
  const underWay = new Set<Promise<void>>();
  /** By endpoint, how many requests were answered with a problem. */
  const refused = new Map<string, number>();

  const micro = await connection.services.add({
    ...manifest(),
    name: prefix,
    queue: prefix,
    statsHandler: async ({ subject }) => ({ refused: refused.get(subject) ?? 0 }),
  });
  for (const [name, { tail, answer }] of Object.entries(endpoints)) {
    const subject = [prefix, name, ...tail].join('.');
    refused.set(subject, 0);
    micro.addEndpoint(name, {
      subject,
      handler: (_, message) => {
        const handled = handle(message, subject, answer).finally(() => underWay.delete(handled));
        underWay.add(handled);
      },
    });
  }
  // From here on the server knows of it.
  await connection.flush();
  let isClosing = false;
  micro.stopped.then((error) => {
    if (!isClosing) onError(error ?? new Error('The connection to NATS was closed.'));
  }, onError);

  async function handle(message: ServiceMsg, endpoint: string, answer: Endpoint['answer']): Promise<void> {
    const { subject } = message;
    try {
      respond(message, await answer(service, message));
    } catch (error) {
      refused.set(endpoint, (refused.get(endpoint) ?? 0) + 1);
      const known = problemOf(error);
      if (!known) onError(error, { subject });
      refuse(message, known ?? UNFORESEEN);
    }
  }

  /** An answer that the server does not take is still answered. */
  function respond(message: ServiceMsg, answer: object): void {
    const text = JSON.stringify(answer);
    const bytes = Buffer.byteLength(text);
    const most = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    if (bytes > most) {
      refuse(message, problem('too_large', `The answer is ${bytes} bytes; the NATS server takes ${most}.`));
    } else if (isAnybodys(message.reply)) message.respond(text);
  }

  function refuse(message: ServiceMsg, details: Problem): void {
    if (isAnybodys(message.reply))
      message.respondError(details.status, details.title, Buffer.from(JSON.stringify(details)));
  }

  function isAnybodys(subject: string | undefined): boolean {
    return !!subject && !subject.startsWith('$') && !subject.startsWith(`${prefix}.`);
  }

  const close = async () => {
    isClosing = true;
    await micro.stop();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_WITHIN);
    await Promise.race([Promise.all(underWay), late.promise]);
    clearTimeout(timer);
  };
  return { close, [Symbol.asyncDispose]: close };
}

const UNFORESEEN: Problem = {
  type: 'about:blank',
  title: 'Internal Server Error',
  status: 500,
  detail: 'Something went wrong here.',
};

/** What the package says of itself. */
function manifest(): z.output<typeof manifestSchema> {
  const path = findPackageJSON('..', import.meta.url);
  return manifestSchema.parse(JSON.parse(readFileSync(path ?? '', 'utf8')));
}
