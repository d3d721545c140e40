import { describe, expect, it } from 'vitest';
import type { Backend, Delivery, Inbox } from '../../src/backends/index.ts';
import {
  edgeIds,
  edgeTaskIds,
  edgeTaskNames,
  malformedIds,
  malformedTaskIds,
  malformedTaskNames,
  notJson,
  oddJson,
} from './forms.ts';
import { Arrivals, DAY, type Open, stringOf, type Traits } from './stand.ts';

export const requestOf = (taskId: string, name = 'order') => ({ taskId, name, body: { of: taskId } });

export const eventOf = (taskId: string, eventId: string, name = 'order') => ({
  taskId,
  name,
  eventId,
  body: { of: eventId },
});

/** What a delivery is about, in short: `t` for the request, `t/e1` for an event. */
export const labelOf = ({ message }: Delivery): string =>
  message.kind === 'request' ? message.taskId : `${message.taskId}/${message.eventId}`;

/** Takes and collects. */
export async function taking(inbox: Inbox, limit: number, names: readonly string[] = ['order']) {
  const arrivals = new Arrivals<Delivery>();
  const subscription = await inbox.take({ names, limit }, arrivals.push);
  return { arrivals, subscription };
}

/** Takes, acknowledges and gives what is waiting, in order. */
export async function drain(backend: Backend, count: number): Promise<string[]> {
  const { arrivals, subscription } = await taking(backend.inbox, count);
  const deliveries = await arrivals.take(count);
  await Promise.all(deliveries.map((delivery) => delivery.acknowledge()));
  await subscription.stop();
  return deliveries.map(labelOf);
}

export function inboxPart(open: Open, { virtualTime }: Traits): void {
  describe('inbox.submit and deliver', () => {
    it('B1 B4 hands over requests and events equal to what was sent, each a value of its own', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const body = structuredClone(oddJson);
      await inbox.submit({ taskId: 't', name: 'order', body });
      await inbox.deliver({ taskId: 't', name: 'order', eventId: 'e1', body });
      body.length = 0;
      const first = await taking(inbox, 2);
      const [request, event] = await first.arrivals.take(2);
      expect(request?.message).toEqual({ kind: 'request', taskId: 't', name: 'order', body: oddJson });
      expect(event?.message).toEqual({
        kind: 'event',
        taskId: 't',
        name: 'order',
        eventId: 'e1',
        body: oddJson,
      });
      expect([request?.attempt, event?.attempt]).toEqual([1, 1]);
      (request?.message.body as unknown[]).length = 0;
      await request?.handBack();
      expect((await first.arrivals.next()).message.body).toEqual(oddJson);
    });

    it('B2 stores a request once while it is unacknowledged, and again after that', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await Promise.all(Array.from({ length: 5 }, () => inbox.submit(requestOf('t'))));
      const { arrivals } = await taking(inbox, 10);
      const first = await arrivals.next();
      await inbox.submit({ ...requestOf('t'), body: 'another' });
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
      await first.handBack();
      await inbox.submit(requestOf('t'));
      const second = await arrivals.next();
      expect(second.message.body).toEqual({ of: 't' });
      await second.acknowledge();
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
      await inbox.submit(requestOf('t'));
      expect(await arrivals.next()).toMatchObject({ attempt: 1, message: { taskId: 't' } });
    });

    it('B2 stores an event of a task once, says so, and remembers it when it is acknowledged', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: false });
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: true });
      expect(await inbox.deliver({ ...eventOf('t', 'e1'), body: 'another' })).toEqual({ duplicate: true });
      expect(await inbox.deliver(eventOf('t', 'e2'))).toEqual({ duplicate: false });
      expect(await inbox.deliver(eventOf('u', 'e1'))).toEqual({ duplicate: false });
      expect((await drain(stand.backend, 3)).sort()).toEqual(['t/e1', 't/e2', 'u/e1']);
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: true });
      const { arrivals } = await taking(inbox, 10);
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
    });

    it('B2 finds exactly one of many concurrent deliveries of an event new', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const answers = await Promise.all(Array.from({ length: 20 }, () => inbox.deliver(eventOf('t', 'e1'))));
      expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(await drain(stand.backend, 1)).toEqual(['t/e1']);
    });

    it.runIf(virtualTime)('B2 remembers an event for the retention after its acknowledgement', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const { retention } = stand.settings;
      await inbox.deliver(eventOf('t', 'e1'));
      await stand.pass(2 * retention);
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: true });
      await drain(stand.backend, 1);
      await stand.pass(retention);
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: true });
      await stand.pass(DAY);
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: false });
      expect(await drain(stand.backend, 1)).toEqual(['t/e1']);
    });

    it('B5 refuses a body that is too large, and stores nothing', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const limit = stand.settings.maxMessageBytes;
      const large = { body: stringOf(limit + 1) };
      const tooLarge = {
        name: 'TooLargeError',
        limit,
        message: expect.stringContaining(`${limit + 1} bytes`),
      };
      await expect(inbox.submit({ ...requestOf('t'), ...large })).rejects.toMatchObject(tooLarge);
      await expect(inbox.deliver({ ...eventOf('t', 'e1'), ...large })).rejects.toMatchObject(tooLarge);
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: false });
      await inbox.submit(requestOf('t'));
      expect(await drain(stand.backend, 2)).toEqual(['t/e1', 't']);
    });

    it.each(notJson)('B5 refuses %s by its path', async (_, value, reason) => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const body = { items: [{ price: value }] } as never;
      const notJsonError = {
        name: 'NotJsonError',
        path: 'body.items[0].price',
        message: expect.stringMatching(reason),
      };
      await expect(inbox.submit({ ...requestOf('t'), body })).rejects.toMatchObject(notJsonError);
      await expect(inbox.deliver({ ...eventOf('t', 'e1'), body })).rejects.toMatchObject(notJsonError);
      expect(await inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: false });
    });

    it('B5 refuses malformed ids and names, and takes those at the edges', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const malformed = (argument: string) => ({ name: 'MalformedError', argument });
      for (const taskId of malformedTaskIds) {
        await expect(inbox.submit(requestOf(taskId))).rejects.toMatchObject(malformed('taskId'));
        await expect(inbox.deliver(eventOf(taskId, 'e'))).rejects.toMatchObject(malformed('taskId'));
      }
      for (const name of malformedTaskNames) {
        await expect(inbox.submit(requestOf('t', name))).rejects.toMatchObject(malformed('name'));
        await expect(inbox.deliver(eventOf('t', 'e', name))).rejects.toMatchObject(malformed('name'));
        await expect(inbox.take({ names: ['order', name], limit: 1 }, () => {})).rejects.toMatchObject(
          malformed('name'),
        );
      }
      for (const eventId of malformedIds) {
        await expect(inbox.deliver(eventOf('t', eventId))).rejects.toMatchObject(malformed('eventId'));
      }
      for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expect(inbox.take({ names: ['order'], limit }, () => {})).rejects.toMatchObject(
          malformed('limit'),
        );
      }
      await expect(inbox.take({ names: [], limit: 1 }, () => {})).rejects.toMatchObject(malformed('names'));

      const { arrivals } = await taking(inbox, 100, edgeTaskNames);
      for (const [index, name] of edgeTaskNames.entries()) await inbox.submit(requestOf(`t${index}`, name));
      expect((await arrivals.take(edgeTaskNames.length)).map(({ message }) => message.name).sort()).toEqual(
        [...edgeTaskNames].sort(),
      );
      for (const taskId of edgeTaskIds) {
        for (const eventId of edgeIds) {
          expect(await inbox.deliver(eventOf(taskId, eventId, 'o'))).toEqual({ duplicate: false });
        }
      }
      const labels = edgeTaskIds.flatMap((taskId) => edgeIds.map((eventId) => `${taskId}/${eventId}`));
      expect((await arrivals.take(labels.length)).map(labelOf).sort()).toEqual(labels.sort());
    });
  });
}
