import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backend, UnavailableError } from '../../backends/index.ts';
import { onStopSignal, type Service, startService } from '../../service/index.ts';
import { shopClient, shopOrderTask } from '../../shop/index.ts';
import { openBackend, signedBy } from './backends.ts';
import { hurriedClock } from './hurried-clock.ts';
import { type Answer, assignmentSchema, type Question, questionSchema } from './messages.ts';

/** Small, so that the catalogue takes several requests. */
const PAGE_SIZE = 30;
const DRAIN_WITHIN = 2_000;
const TRY_AGAIN = 200;

/**
 * One worker: takes orders until it is killed or asked to end. It ends with its parent, so that none is left behind.
 *
 * @param change For tests: what is to be otherwise about its backend.
 */
export async function work(argument: string, change = (backend: Backend) => backend): Promise<void> {
  process.once('disconnect', () => process.exit());
  const { name, place, shop: url, hurry, ...limits } = assignmentSchema.parse(JSON.parse(argument));
  // The shop is told who asks.
  // Where all is slow, it is twice as long as this process took to start.
  const timeout = Math.max(limits.timeout, Math.round(2_000 * process.uptime()));
  const shop = shopClient({ url, timeout, pageSize: PAGE_SIZE, userAgent: name });
  const clock = hurriedClock(hurry);
  const { backend, service } = await untilAvailable(async () => {
    await using stack = new AsyncDisposableStack();
    const backend = stack.use(await openBackend(place, hurry));
    const service = await startService({
      backend: change(signedBy(name, backend)),
      tasks: ({ publish, records }) => [shopOrderTask({ shop, publish, records, clock })],
      drainWithin: DRAIN_WITHIN,
      clock,
    });
    stack.move();
    return { backend, service };
  });

  process.on('message', (message) => void answer(service, questionSchema.parse(message)));
  onStopSignal(async () => {
    await service.drain();
    await backend.close();
    process.exit();
  });
  // One that is killed keeps nothing at its end.
  flushCompileCache();
  say('ready');
  await once(process, 'disconnect');
}

/** A server may be dead at the moment. */
async function untilAvailable<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      await sleep(TRY_AGAIN);
    }
  }
}

async function answer(service: Service, { number, ask, id, request }: Question): Promise<void> {
  try {
    if (ask === 'submit') await service.submit({ ...request, id });
    else await (await service.task(id)).result();
    say({ number });
  } catch (error) {
    say({ number, error: String(error) });
  }
}

function say(answer: Answer): void {
  process.send?.(answer);
}
