import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/backends/index.ts';
import { malformedTaskIds, notJson, oddJson } from './forms.ts';
import { Arrivals, type Open, stringOf } from './stand.ts';

export function actorsPart(open: Open): void {
  describe('actors', () => {
    it('asks whoever answers for the task, and gives the answer', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      using _a = actors.answer('a', (ask) => ({ a: ask }));
      using _b = actors.answer('b', async (ask) => {
        await stand.backend.journal.last('b');
        return [ask, ask];
      });
      expect(await actors.ask('a', 1)).toEqual({ answer: { a: 1 } });
      expect(await actors.ask('b', 'x')).toEqual({ answer: ['x', 'x'] });
      using _c = actors.answer('c', () => null);
      expect(await actors.ask('c', null)).toEqual({ answer: null });
    });

    it('says so if nobody answers, never did or does no more', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      expect(await actors.ask('t', 1)).toBeUndefined();
      const answering = actors.answer('t', () => 1);
      expect(await actors.ask('u', 1)).toBeUndefined();
      expect(await actors.ask('t', 1)).toEqual({ answer: 1 });
      answering[Symbol.dispose]();
      answering[Symbol.dispose]();
      expect(await actors.ask('t', 1)).toBeUndefined();
      using _again = actors.answer('t', () => 2);
      expect(await actors.ask('t', 1)).toEqual({ answer: 2 });
    });

    it('asks one of several that answer for a task, the other once that one is gone', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      const asked: string[] = [];
      const answer = (who: string) => () => {
        asked.push(who);
        return who;
      };
      using _first = actors.answer('t', answer('first'));
      const second = actors.answer('t', answer('second'));
      const given = await actors.ask('t', 1);
      expect(given).toEqual({ answer: asked[0] });
      expect(asked).toHaveLength(1);
      second[Symbol.dispose]();
      expect(await actors.ask('t', 1)).toEqual({ answer: 'first' });
    });

    it('lets several asks be under way at once, each with its own answer', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      const asks = new Arrivals<Json>();
      const gate = Promise.withResolvers<void>();
      using _t = actors.answer('t', async (ask) => {
        asks.push(ask);
        await gate.promise;
        return ask;
      });
      const answers = Promise.all(Array.from({ length: 20 }, (_, n) => actors.ask('t', n)));
      await asks.take(20);
      gate.resolve();
      expect(await answers).toEqual(Array.from({ length: 20 }, (_, n) => ({ answer: n })));
    });

    it('gives what the answer threw to the asker, and goes on answering', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      using _t = actors.answer('t', (ask) => {
        if (ask === 'sync') throw new Error('not while paused');
        return ask === 'async' ? Promise.reject(new Error('not any more')) : ask;
      });
      for (const [ask, message] of [
        ['sync', 'not while paused'],
        ['async', 'not any more'],
      ] as const) {
        const error: unknown = await actors.ask('t', ask).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ name: 'AnswerError', taskId: 't' });
        expect(error).toMatchObject({ message: expect.stringContaining(message) });
      }
      expect(await actors.ask('t', 1)).toEqual({ answer: 1 });
    });

    it('B1 knows nothing of an answer that does not come within a second', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      using _t = actors.answer('t', () => new Promise<Json>(() => {}));
      const asked = actors.ask('t', 1).catch((thrown: unknown) => thrown);
      await stand.pass(1_000);
      expect(await asked).toMatchObject({ name: 'UnavailableError', retryable: true });
    });

    it('B4 passes any JSON, and shares none of it', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      const kept: Json[] = [];
      using _t = actors.answer('t', (ask) => {
        kept.push(ask);
        return kept;
      });
      const ask = structuredClone(oddJson);
      const first = await actors.ask('t', ask);
      expect(first).toEqual({ answer: [oddJson] });
      ask.length = 0;
      (first?.answer as unknown[]).length = 0;
      expect(await actors.ask('t', 1)).toEqual({ answer: [oddJson, 1] });
    });

    it('B5 refuses what is malformed, no JSON or too large, asked or answered', async () => {
      await using stand = await open();
      const { actors } = stand.backend;
      for (const taskId of malformedTaskIds) {
        const malformed = { name: 'MalformedError', argument: 'taskId' };
        await expect(actors.ask(taskId, 1)).rejects.toMatchObject(malformed);
        expect(() => actors.answer(taskId, () => 1)).toThrow('taskId');
      }
      const limit = stand.settings.maxMessageBytes;
      using _t = actors.answer('t', (ask) => (ask === 'large' ? stringOf(limit + 1) : (undefined as never)));
      await expect(actors.ask('t', stringOf(limit + 1))).rejects.toMatchObject({
        name: 'TooLargeError',
        limit,
      });
      await expect(actors.ask('t', 'large')).rejects.toThrow(/could not answer: answer is .* bytes/);
      await expect(actors.ask('t', 1)).rejects.toThrow('answer is undefined');
      for (const [, value, reason] of notJson) {
        await expect(actors.ask('t', [value] as never)).rejects.toMatchObject({
          name: 'NotJsonError',
          path: 'ask[0]',
          message: expect.stringMatching(reason),
        });
      }
    });

    it('ends with the backend', async () => {
      const stand = await open();
      const { actors } = stand.backend;
      const asked = Promise.withResolvers<void>();
      actors.answer('t', () => {
        asked.resolve();
        return new Promise<Json>(() => {});
      });
      const answer = actors.ask('t', 1).catch((thrown: unknown) => thrown);
      await asked.promise;
      await stand.backend.close();
      expect(await answer).toMatchObject({ name: 'UnavailableError' });
    });
  });
}
