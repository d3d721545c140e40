import type { FastifyInstance } from 'fastify';
import type { Problem } from '../../doors/index.ts';
import { sendProblem } from '../problems.ts';
import type { Running } from '../running.ts';

/** How each part stands, in a word. */
interface Parts {
  readonly service: 'starting' | 'accepting' | 'draining' | 'stopped';
  readonly inbox?: 'taking' | 'not answering';
  readonly backend?: 'answering' | 'not answering';
}

/** How long the backend may take to answer, in ms; then it counts as away. */
const ANSWER_WITHIN = 2_000;

/** Is the process alive, and may work be sent to it? For whoever watches over processes. */
export function healthRoutes(app: FastifyInstance, running: () => Running | undefined): void {
  app.get('/health/live', async () => ({ status: 'live' }));

  app.get('/health/ready', async (_, reply) => {
    const parts = await partsOf(running());
    const wrong = Object.entries(parts).filter(
      ([, word]) => !['accepting', 'taking', 'answering'].includes(word),
    );
    if (wrong.length === 0) return { status: 'ready', parts };
    const details: Problem & { parts: Parts } = {
      type: 'urn:taskchart:problem:not_ready',
      title: 'The service is not ready',
      status: 503,
      detail: `${wrong.map(([part, word]) => `The ${part} is ${word}.`).join(' ')}`,
      parts,
    };
    return sendProblem(reply, details);
  });
}

async function partsOf(running: Running | undefined): Promise<Parts> {
  if (!running) return { service: 'starting' };
  const { service, backend } = running;
  const snapshot = service.supervisor.getSnapshot();
  const state = (['starting', 'accepting', 'draining'] as const).find((tag) => snapshot.hasTag(tag));
  return {
    service: state ?? 'stopped',
    ...(state === 'accepting' && { inbox: snapshot.hasTag('taking') ? 'taking' : 'not answering' }),
    backend: (await doesAnswer(backend)) ? 'answering' : 'not answering',
  };
}

async function doesAnswer({ journal }: Running['backend']): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(late.resolve, ANSWER_WITHIN, false);
  const asked = journal.last('taskchart').then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([asked, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
