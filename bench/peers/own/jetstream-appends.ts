import { connect, createInbox, headers } from 'nats';
import type { EngineModule } from '../engine.ts';

const STEPS = 5;
const BYTES = { small: 1_024, full: 10_240 };
const STREAM = 'APPENDS';

/**
 * Five messages one after another on a subject an order, each naming the sequence it expects, acknowledged on one shared inbox:
 * what a client could get from JetStream.
 */
export const open: EngineModule['open'] = async ({ url, full }) => {
  const nats = await connect({ servers: url, noAsyncTraces: true });
  const manager = await nats.jetstreamManager();
  await manager.streams.add({ name: STREAM, subjects: ['appends.>'] });
  const body = new TextEncoder().encode('x'.repeat(full ? BYTES.full : BYTES.small));
  const inbox = createInbox();
  const waiting = new Map<string, PromiseWithResolvers<number>>();
  nats.subscribe(`${inbox}.*`, {
    callback: (_, message) => {
      const token = message.subject.slice(inbox.length + 1);
      const answer = waiting.get(token);
      waiting.delete(token);
      const { seq, error } = message.json<{ seq?: number; error?: { description: string } }>();
      if (seq === undefined) answer?.reject(new Error(`The append was refused: ${error?.description}`));
      else answer?.resolve(seq);
    },
  });
  let tokens = 0;
  const append = (subject: string, expected: number): Promise<number> => {
    tokens += 1;
    const token = String(tokens);
    const answer = Promise.withResolvers<number>();
    waiting.set(token, answer);
    const head = headers();
    head.set('Nats-Expected-Last-Subject-Sequence', String(expected));
    nats.publish(subject, body, { reply: `${inbox}.${token}`, headers: head });
    return answer.promise;
  };
  return {
    async run(id) {
      let sequence = 0;
      for (let step = 0; step < STEPS; step += 1) sequence = await append(`appends.${id}`, sequence);
      return undefined;
    },
    async kept() {
      const { state } = await manager.streams.info(STREAM);
      return [{ what: 'messages', count: state.messages, perOrder: STEPS }];
    },
    async [Symbol.asyncDispose]() {
      await nats.close();
    },
  };
};
