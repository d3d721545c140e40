import type { NatsSettings } from './options.ts';
import type { StreamSpec } from './streams.ts';

/** The streams of the inbox. */
export interface InboxStreams {
  readonly inbox: StreamSpec;
  /** The ids of events that are no longer in the inbox. */
  readonly seen: StreamSpec;
  /** What waits for a time that is far. */
  readonly timers: StreamSpec;
  /** Of which times something waits. */
  readonly slots: StreamSpec;
  readonly dead: StreamSpec;
}

type InboxStreamSettings = Pick<NatsSettings, 'prefix' | 'retention'>;

export function inboxStreams({ prefix, retention }: InboxStreamSettings): InboxStreams {
  const name = (of: string): string => `${prefix.toUpperCase()}_${of}`;
  return {
    inbox: {
      name: name('INBOX'),
      subjects: [`${prefix}.inbox.>`],
      purpose: 'requests and events that wait for a worker',
      retention: 'workqueue',
      onePerSubject: 'first',
    },
    seen: {
      name: name('SEEN'),
      subjects: [`${prefix}.seen.>`],
      purpose: 'ids of events that a worker has acknowledged',
      maxAge: retention,
      onePerSubject: 'last',
    },
    timers: {
      name: name('TIMERS'),
      subjects: [`${prefix}.timers.>`],
      purpose: 'messages of the inbox that were handed back until a time',
      retention: 'workqueue',
    },
    slots: {
      name: name('SLOTS'),
      subjects: [`${prefix}.slots.>`],
      purpose: 'for which times something waits in the timers',
      onePerSubject: 'last',
    },
    dead: {
      name: name('DEAD'),
      subjects: [`${prefix}.dead.>`],
      purpose: 'messages of the inbox that nobody can take, and why',
      maxAge: retention,
    },
  };
}
