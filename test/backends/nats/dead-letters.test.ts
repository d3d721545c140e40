import { setTimeout as sleep } from 'node:timers/promises';
import { type MsgHdrs, headers as makeHeaders } from 'nats';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../../machines/task/index.ts';
import { startService } from '../../../src/service/index.ts';
import { labelOf, requestOf } from '../../conformance/inbox.ts';
import { warnings } from '../../conformance/stand.ts';
import { type InboxStand, inboxStand, takeFrom, until } from './inbox-stand.ts';

interface Dead {
  readonly subject: string;
  readonly body: Buffer;
  readonly headers: string;
}

const DEAD = 'TASKCHART_DEAD';

/** All dead letters, in order. */
async function deadLetters({ api, count }: InboxStand): Promise<Dead[]> {
  const letters: Dead[] = [];
  for (let seq = 1; letters.length < (await count(DEAD)); seq++) {
    const { message } = await api<{ message: { subject: string; data?: string; hdrs: string } }>(
      `STREAM.MSG.GET.${DEAD}`,
      { seq },
    );
    const { subject, data = '', hdrs } = message;
    letters.push({
      subject,
      body: Buffer.from(data, 'base64'),
      headers: Buffer.from(hdrs, 'base64').toString(),
    });
  }
  return letters;
}

function headersOf(fields: Record<string, string>): MsgHdrs {
  const headers = makeHeaders();
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return headers;
}

beforeEach(() => {
  warnings();
});

describe('a message of the inbox that cannot be read', () => {
  it.each<[string, string, string | Uint8Array, RegExp]>([
    ['no JSON', 'order.a', '{"cart_id": 1', /body is no JSON/],
    ['nothing', 'order.a', '', /body is no JSON/],
    ['bytes that are no text', 'order.a', new Uint8Array([0xff, 0x00, 0xfe]), /3 bytes that are not UTF-8/],
    ['too deep a value', 'order.a', '['.repeat(5_000) + ']'.repeat(5_000), /nested deeper than 1000/],
    ['an id that is none', 'order.ä', '{}', /The task id is "ä"; expected 1 to 128/],
    ['too many tokens', 'order.a.b.c', '{}', /The subject is .*; expected taskchart.inbox.<task>.<id>/],
    ['an event with a wrong token', 'order.a.=nothing', '{}', /The subject ends with =nothing; expected =/],
    [
      'another name in its body',
      'order.a',
      '{"name":"refund"}',
      /body.name is "refund", but the subject says "order"/,
    ],
    ['another id in its body', 'order.a', '{"id":"b"}', /body.id is "b", but the subject says "a"/],
  ])(
    '%s goes whole to the dead letters, with the reason, and its sender hears it',
    async (_, tail, body, reason) => {
      await using stand = await inboxStand();
      const backend = await stand.open();
      const replies: unknown[] = [];
      stand.client.subscribe('_INBOX.me.1', { callback: (_error, message) => replies.push(message.json()) });
      const headers = headersOf({ 'Taskchart-Reply-To': '_INBOX.me.1', 'X-Trace': 'abc' });
      stand.client.publish(`taskchart.inbox.${tail}`, body, { headers });
      const { arrivals } = await takeFrom(backend, 1);
      await backend.inbox.submit(requestOf('good'));
      expect(labelOf((await arrivals.next()).delivery)).toBe('good');
      await until('the sender heard of it', () => replies.length > 0);
      await until('it left the inbox', async () => (await stand.count('TASKCHART_INBOX')) === 1);
      const [letter, ...more] = await deadLetters(stand);
      expect(more).toEqual([]);
      expect(letter?.subject).toBe(`taskchart.dead.${tail}`);
      expect(letter?.body).toEqual(Buffer.from(body));
      expect(letter?.headers).toMatch(/\r\nX-Trace: abc\r\n/);
      expect(letter?.headers).toMatch(reason);
      expect(replies).toEqual([
        {
          error: {
            code: 'refused',
            message: expect.stringMatching(reason),
            subject: `taskchart.inbox.${tail}`,
          },
        },
      ]);
    },
  );

  it('brings nothing along that would tell JetStream what to do, and answers inboxes only', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open();
    const wrong: string[] = [];
    stand.client.subscribe('orders.>', { callback: (_error, { subject }) => wrong.push(subject) });
    const headers = headersOf({ 'Nats-Msg-Id': 'theirs', 'Taskchart-Reply-To': 'orders.created.1' });
    headers.set('Nats-Expected-Stream', 'TASKCHART_INBOX');
    await stand.client.request('taskchart.inbox.order.a', 'no JSON', { headers, timeout: 2_000 });
    await takeFrom(backend, 1);
    await until('it is a dead letter', async () => (await stand.count(DEAD)) === 1);
    const [letter] = await deadLetters(stand);
    expect(letter?.headers).not.toMatch(/Nats-Expected|theirs/);
    await stand.client.flush();
    expect(wrong).toEqual([]);
  });

  it('is one of thousands, and harms no good one among them', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open({ ackWait: 5_000 });
    const good = 100;
    const bad = 2_000;
    for (let n = 0; n < bad; n++) {
      const request = JSON.stringify(requestOf(`bad-${n}`));
      // Cut, spoilt or misdirected.
      const cut = 1 + ((n * 7919) % (request.length - 1));
      if (n % 4 === 0) stand.client.publish(`taskchart.inbox.order.bad-${n}`, request.slice(0, cut));
      else if (n % 4 === 1) {
        const bytes = Buffer.from(request);
        bytes[cut] = 0xff;
        stand.client.publish(`taskchart.inbox.order.bad-${n}`, bytes);
      } else if (n % 4 === 2) stand.client.publish(`taskchart.inbox.order.bad-${n}.x.y`, request);
      else stand.client.publish(`taskchart.inbox.order.bad-${n}`, `{"name":"refund","at":${n}}`);
      if (n % (bad / good) === 0) await backend.inbox.submit(requestOf(`good-${n}`));
    }
    await stand.client.flush();
    const { arrivals } = await takeFrom(backend, 20);
    const labels: string[] = [];
    while (labels.length < good) {
      const { delivery } = await arrivals.next();
      labels.push(labelOf(delivery));
      await delivery.acknowledge();
    }
    await until('all others are dead letters', async () => (await stand.count(DEAD)) === bad);
    await until('the inbox is empty', async () => (await stand.count('TASKCHART_INBOX')) === 0);
    expect(labels.every((label) => label.startsWith('good-'))).toBe(true);
    expect(new Set(labels).size).toBe(good);
  });
});

describe('a message that is refused by who took it', () => {
  it('goes to the dead letters too, and its sender hears it', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open();
    const replies: unknown[] = [];
    stand.client.subscribe('_INBOX.me.1', { callback: (_error, message) => replies.push(message.json()) });
    const headers = headersOf({ 'Taskchart-Reply-To': '_INBOX.me.1' });
    stand.client.publish('taskchart.inbox.order.a', '{"cart":1}', { headers });
    const { arrivals } = await takeFrom(backend, 1);
    const { delivery } = await arrivals.next();
    await delivery.refuse('cart_id is missing.');
    expect(await stand.count('TASKCHART_INBOX')).toBe(0);
    await until('the sender heard of it', () => replies.length > 0);
    expect(replies).toMatchObject([{ error: { message: 'cart_id is missing.' } }]);
    const [letter] = await deadLetters(stand);
    expect([letter?.subject, letter?.body.toString()]).toEqual(['taskchart.dead.order.a', '{"cart":1}']);
    expect(letter?.headers).toContain('Taskchart-Reason: cart_id is missing.');
  });
});

describe('a request that the service cannot run, put into the inbox by hand', () => {
  it('goes to the dead letters, naming each field, and so does an event that is none', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open();
    const greeting = defineTask({ name: 'greeting', version: '1', context: z.object({ name: z.string() }) })
      .step('greet', { output: z.string(), run: ({ context }) => `Hello, ${context.name}` })
      .build();
    await using service = await startService({ backend, tasks: [greeting], onReport: () => {} });
    for (const [tail, body] of [
      ['greeting.a', '{"context":{"name":7},"initiator":1}'],
      ['greeting.b', '[1]'],
      ['greeting.c.e1', '{"type":7}'],
      ['greeting.d', '{"context":{"name":"Ada"}}'],
    ] as const) {
      await stand.client.request(`taskchart.inbox.${tail}`, body);
    }
    await until('the good one has begun', () =>
      service.task('d').then(
        () => true,
        () => false,
      ),
    );
    await until('three are dead letters', async () => (await stand.count(DEAD)) === 3);
    const letters = new Map((await deadLetters(stand)).map(({ subject, headers }) => [subject, headers]));
    expect(letters.get('taskchart.dead.greeting.a')).toMatch(/initiator: .*; context\.name: /);
    expect([...letters.keys()].sort()).toEqual([
      'taskchart.dead.greeting.a',
      'taskchart.dead.greeting.b',
      'taskchart.dead.greeting.c.e1',
    ]);
    const { output } = await (await service.task('d')).result();
    expect(output).toEqual({ greet: 'Hello, Ada' });
  });
});

describe('a message that no worker knows', () => {
  it('goes to the dead letters after the grace, those that a worker knows stay', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open({ orphanGrace: 400 });
    const { inbox } = backend;
    const { arrivals } = await takeFrom(backend, 1);
    for (const id of ['held', 'waiting', 'waiting-too']) await inbox.submit(requestOf(id));
    await inbox.submit(requestOf('a', 'unknown'));
    await stand.client.request('taskchart.inbox.order', '{}');
    await stand.client.request('taskchart.inbox.Order.b', '{}');
    const { delivery } = await arrivals.next();
    await until('all three are dead letters', async () => {
      delivery.keepAlive();
      return (await stand.count(DEAD)) === 3;
    });
    const letters = await deadLetters(stand);
    expect(letters.map(({ subject }) => subject)).toEqual([
      'taskchart.dead.unknown.a',
      'taskchart.dead.order',
      'taskchart.dead.Order.b',
    ]);
    expect(letters[0]?.headers).toContain('No worker knows the task name "unknown"');
    expect(letters[1]?.headers).toContain('expected taskchart.inbox.<task>.<id>');
    expect(letters[2]?.headers).toContain('The task name is "Order"');
    expect(await stand.count('TASKCHART_INBOX')).toBe(3);
  });

  it('waits for a worker that comes within the grace', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open({ orphanGrace: 800 });
    await takeFrom(backend, 1);
    await backend.inbox.submit(requestOf('a', 'refund'));
    await sleep(500);
    const { arrivals } = await takeFrom(await stand.open(), 1, ['refund']);
    expect(labelOf((await arrivals.next()).delivery)).toBe('a');
    await sleep(1_000);
    expect(await stand.count(DEAD)).toBe(0);
  });
});
