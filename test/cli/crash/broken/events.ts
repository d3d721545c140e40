/** A worker whose bus stores whatever it is given, and is slow to say so. */
import { setTimeout as sleep } from 'node:timers/promises';
import { work } from '../../../../src/cli/crash/work.ts';

await work(process.argv[2] ?? '', (backend) => ({
  ...backend,
  events: {
    subscribe: (filter, options, handler) => backend.events.subscribe(filter, options, handler),
    publish: async ({ once, ...message }) => {
      if (!once) return backend.events.publish(message);
      const acknowledgement = await backend.events.publish({
        ...message,
        id: `${message.id}/${process.pid}`,
      });
      await sleep(300);
      return acknowledgement;
    },
  },
}));
