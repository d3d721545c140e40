import { z } from 'zod';
import { type Backend, type Commit, type Journal, JournalConflictError } from '../../backends/index.ts';
import { natsBackend } from '../../backends/nats/index.ts';
import { sqliteBackend } from '../../backends/sqlite/index.ts';
import { type Hurry, hurriedClock } from './hurried-clock.ts';

/** Where the data of a run is, in words that another process can be told. */
export const placeSchema = z.discriminatedUnion('backend', [
  z.object({ backend: z.literal('sqlite'), file: z.string() }),
  z.object({ backend: z.literal('nats'), url: z.string() }),
]);
export type Place = z.output<typeof placeSchema>;

export async function openBackend(place: Place, hurry: Hurry): Promise<Backend> {
  switch (place.backend) {
    case 'sqlite':
      return sqliteBackend({ file: place.file, clock: hurriedClock(hurry) });
    case 'nats':
      return natsBackend({ servers: place.url });
    default:
      return place satisfies never;
  }
}

/**
 * A backend whose journals tell which process wrote each commit: its name stands behind the writer's own. Nothing else is
 * changed; whoever writes finds their own name in a conflict.
 */
export function signedBy(name: string, backend: Backend): Backend {
  const { journal } = backend;
  const signature = `@${name}`;
  const append = async (taskId: string, expected: number, commit: Commit): Promise<number> => {
    try {
      return await journal.append(taskId, expected, { ...commit, writer: commit.writer + signature });
    } catch (error) {
      if (!(error instanceof JournalConflictError && error.writer?.endsWith(signature))) throw error;
      const writer = error.writer.slice(0, -signature.length);
      throw new JournalConflictError(taskId, expected, { sequence: error.sequence, writer });
    }
  };
  return { ...backend, journal: { ...methodsOf(journal), append } };
}

function methodsOf(journal: Journal): Journal {
  return {
    append: (...given) => journal.append(...given),
    read: (...given) => journal.read(...given),
    last: (...given) => journal.last(...given),
    follow: (...given) => journal.follow(...given),
  };
}

/** The process that wrote a commit. */
export function signatureOf(writer: string): string {
  return writer.slice(writer.lastIndexOf('@') + 1);
}
