/** What tests have other processes do. Each line is written before the next thing is done, so that none is lost by a kill. */
import { writeSync } from 'node:fs';
import { sqliteBackend } from '../../../src/backends/sqlite/index.ts';

const [what = '', file = ''] = process.argv.slice(2);

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const told = (error: unknown): string => {
  const { name, message, reason, cause } = error as Error & { reason?: string };
  return JSON.stringify({ name, message, reason, cause: (cause as Error | undefined)?.message });
};

const programs: Record<string, () => Promise<void>> = {
  /** Opens the file and holds it until it is told to end. */
  async hold() {
    const backend = await sqliteBackend({ file });
    say('open');
    for await (const _ of process.stdin);
    await backend.close();
  },

  /** Tries to open the file as somebody who may not write to it. */
  async unprivileged() {
    if (process.getuid?.() === 0) {
      process.setgid?.(65_534);
      process.setuid?.(65_534);
    }
    say(await sqliteBackend({ file }).then(() => 'opened', told));
  },

  /** Writes in every way there is, and says what has been promised to be durable, until it is killed. */
  async write() {
    const backend = await sqliteBackend({ file });
    const run = process.pid;
    const chain = async (n: number): Promise<void> => {
      for (let round = 0; ; round++) {
        const id = `${run}-${n}-${round}`;
        await backend.inbox.submit({ taskId: id, name: 'order', body: { of: id } });
        say(`submit ${id}`);
        let last = 0;
        for (let entry = 1; entry <= 3; entry++) {
          const commit = { id: `${id}/${entry}`, writer: `${run}`, entries: [{ entry }, 'x'.repeat(500)] };
          last = await backend.journal.append(id, last, commit);
          say(`append ${id} ${entry}`);
        }
        await backend.events.publish({ subject: `orders.created.${id}`, id, body: { of: id }, once: true });
        say(`publish ${id}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, n) => chain(n)));
  },

  /** Appends until that fails, says so, then tries again what failed. */
  async fill() {
    const backend = await sqliteBackend({ file });
    const append = (n: number): Promise<number> =>
      backend.journal.append(`t${n}`, 0, { id: 'c', writer: 'w', entries: ['x'.repeat(2_000)] });
    for (let n = 0; ; n++) {
      try {
        await append(n);
        say(`append t${n}`);
      } catch (error) {
        say(told(error));
        say(await append(n).then(() => 'appended', told));
        say(`${(await backend.journal.last('t0'))?.id} ${await backend.journal.last(`t${n}`)}`);
        return backend.close();
      }
    }
  },
};

await programs[what]?.();
