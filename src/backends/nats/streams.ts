/**
 * The streams that a backend works on: made if they are not there, compared if they are.
 *
 * Invariants:
 * - S1. What is there is read and compared first, and never changed in silence: a stream of ours whose options changed is
 *   brought up to date, with a warning that says what changed; anything else that would break a promise is refused.
 * - S2. Several workers may do so at once: making what is there already, as it is to be, changes nothing.
 * - S3. A stream that is gone under a running worker is made anew, with a warning that says what was lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nanos } from 'nats';
import { RefusedError } from '../errors/refused-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { reportFailure } from '../report.ts';
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import { JetStreamError } from './jetstream-error.ts';
import { NoStreamError } from './no-stream-error.ts';
import type { NatsSettings } from './options.ts';
import { type Difference, StreamDifferenceError } from './stream-difference-error.ts';

/** A stream as JetStream describes it, as far as we look at it. */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly retention: 'limits' | 'interest' | 'workqueue';
  readonly storage: 'file' | 'memory';
  readonly discard: 'old' | 'new';
  readonly num_replicas: number;
  readonly max_consumers: number;
  readonly max_msgs: number;
  readonly max_msgs_per_subject: number;
  readonly discard_new_per_subject?: boolean;
  readonly max_bytes: number;
  /** In ns; 0 for ever. */
  readonly max_age: number;
  readonly max_msg_size: number;
  /** In ns. */
  readonly duplicate_window: number;
  readonly no_ack?: boolean;
  readonly sealed?: boolean;
}

export interface StreamInfo {
  readonly config: StreamConfig;
  /** ISO 8601. */
  readonly created: string;
  readonly state: {
    readonly messages: number;
    readonly first_seq: number;
    readonly last_seq: number;
  };
}

/** What we want of a stream. */
export interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  /** What it is for, in a few words; it marks the stream as ours. */
  readonly purpose: string;
  /** @default 'limits' */
  readonly retention?: 'limits' | 'workqueue';
  /** How long messages are kept, in ms. @default for ever */
  readonly maxAge?: number;
  /** Keeps one message a subject: the `first`, others are refused until it is gone, or the `last`. @default any number */
  readonly onePerSubject?: 'first' | 'last';
}

/** What marks a stream as one that we made and may bring up to date. */
const descriptionOf = ({ purpose }: StreamSpec): string => `Taskchart: ${purpose}`;

export function configOf(settings: NatsSettings, spec: StreamSpec): StreamConfig {
  const maxAge = nanos(spec.maxAge ?? 0);
  const duplicateWindow = nanos(settings.duplicateWindow);
  return {
    name: spec.name,
    description: descriptionOf(spec),
    subjects: spec.subjects,
    retention: spec.retention ?? 'limits',
    storage: settings.storage,
    // What has no room is refused, and repeated until there is some: nothing that was acknowledged goes for it.
    discard: 'new',
    num_replicas: settings.replicas,
    max_consumers: -1,
    max_msgs: -1,
    max_msgs_per_subject: spec.onePerSubject ? 1 : -1,
    ...(spec.onePerSubject === 'first' && { discard_new_per_subject: true }),
    max_bytes: settings.maxStreamBytes ?? -1,
    max_age: maxAge,
    max_msg_size: -1,
    // JetStream refuses a window that is longer than what it keeps.
    duplicate_window: maxAge > 0 ? Math.min(duplicateWindow, maxAge) : duplicateWindow,
  };
}

/**
 * How long a stream that is gone is left alone, in ms: a server says that it is before its files are, and one that is made
 * meanwhile loses its own (seen on 2.9: what is stored then is never found, and its subject stays taken).
 */
const DELETING = 500;

export class Streams {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #specs = new Map<string, StreamSpec>();
  #repairing: Promise<void> | undefined;

  constructor(connection: Connection, settings: NatsSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  /** Makes the stream, or finds it as it is to be; from then on {@link repair} sees to it. @throws {StreamDifferenceError} */
  async ensure(spec: StreamSpec): Promise<void> {
    await this.#ensure(spec);
    this.#specs.set(spec.name, spec);
  }

  /** Does something with these streams; where one is not there, sees to that before the caller tries again. */
  async guard<T>(call: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const isNowhere = error instanceof UnavailableError && error.cause instanceof NoStreamError;
      const isGone = error instanceof JetStreamError && error.code === jetStreamCode.streamNotFound;
      if (isNowhere || isGone) await this.repair();
      throw isGone ? new UnavailableError(call, { cause: error }) : error;
    }
  }

  /** Something was not found: makes anew what is gone. Resolves when all is there, or said not to be. */
  repair(): Promise<void> {
    this.#repairing ??= this.#repair().finally(() => {
      this.#repairing = undefined;
    });
    return this.#repairing;
  }

  async #repair(): Promise<void> {
    for (const spec of this.#specs.values()) {
      try {
        if (!(await streamInfo(this.#connection, spec.name))) await sleep(DELETING);
        if (await this.#ensure(spec)) {
          reportFailure(
            `The stream ${spec.name} was made anew`,
            'somebody had deleted it, with all that it held',
          );
        }
      } catch (error) {
        // Away: whoever found something missing finds it again.
        if (!this.#connection.isConnected) return;
        reportFailure(`The stream ${spec.name} is not as it is to be`, error);
      }
    }
  }

  /** @returns Whether it had to be made. */
  async #ensure(spec: StreamSpec): Promise<boolean> {
    const config = configOf(this.#settings, spec);
    const info =
      (await streamInfo(this.#connection, spec.name)) ?? (await createStream(this.#connection, config));
    if (!info) return this.#ensure(spec);
    await bringUpToDate(this.#connection, info, config);
    return info.did_create ?? false;
  }
}

/**
 * Compares a stream with what it is to be, and changes what may be changed.
 *
 * @throws {StreamDifferenceError} It is not ours, or the difference cannot be changed.
 */
export async function bringUpToDate(
  connection: Connection,
  info: StreamInfo,
  wanted: StreamConfig,
): Promise<void> {
  const differences = differencesOf(info.config, wanted);
  if (differences.length === 0) return;
  const isOurs = info.config.description === wanted.description;
  if (!isOurs || differences.some(({ field }) => !UPDATABLE.has(field))) {
    throw new StreamDifferenceError(`The stream ${wanted.name}`, differences);
  }
  const changed = Object.fromEntries(differences.map(({ field }) => [field, wanted[field]]));
  await connection.api('natsBackend', `STREAM.UPDATE.${wanted.name}`, { ...info.config, ...changed });
  const changes = differences.map(({ field, is }) => `${field} was ${JSON.stringify(is)}`);
  reportFailure(`The stream ${wanted.name} was brought up to date`, changes.join(', '));
}

/** It may be gone already. */
export async function deleteStream(connection: Connection, name: string): Promise<void> {
  try {
    await connection.api('retention', `STREAM.DELETE.${name}`);
  } catch (error) {
    if (!(error instanceof JetStreamError && error.code === jetStreamCode.streamNotFound)) throw error;
  }
}

/** The names of all streams, or of those that take a subject. */
export async function streamNames(connection: Connection, subject?: string): Promise<string[]> {
  const names: string[] = [];
  for (;;) {
    const request = { offset: names.length, ...(subject !== undefined && { subject }) };
    const page: { total: number; streams: string[] | null } = await connection.api(
      'natsBackend',
      'STREAM.NAMES',
      request,
    );
    names.push(...(page.streams ?? []));
    if (names.length >= page.total || !page.streams?.length) return names;
  }
}

/** Nothing if there is no such stream. */
export async function streamInfo(
  connection: Connection,
  name: string,
): Promise<(StreamInfo & { readonly did_create?: boolean }) | undefined> {
  try {
    return await connection.api('natsBackend', `STREAM.INFO.${name}`);
  } catch (error) {
    if (error instanceof JetStreamError && error.code === jetStreamCode.streamNotFound) return undefined;
    throw error;
  }
}

/** Nothing if another made one of that name meanwhile, which is to be compared. */
export async function createStream(
  connection: Connection,
  config: StreamConfig,
): Promise<(StreamInfo & { readonly did_create?: boolean }) | undefined> {
  try {
    return await connection.api('natsBackend', `STREAM.CREATE.${config.name}`, config);
  } catch (error) {
    if (!(error instanceof JetStreamError)) throw error;
    if (error.code === jetStreamCode.streamNameInUse) return undefined;
    throw new RefusedError(`natsBackend: the stream ${config.name} could not be made: ${error.message}`, {
      cause: error,
    });
  }
}

/** What JetStream lets one change of a stream. */
const UPDATABLE: ReadonlySet<string> = new Set([
  'subjects',
  'num_replicas',
  'max_msgs',
  'max_msgs_per_subject',
  'discard_new_per_subject',
  'max_bytes',
  'max_age',
  'max_msg_size',
  'duplicate_window',
  'discard',
  'no_ack',
]);

/** In what an existing stream breaks a promise that the wanted one keeps. More than what is promised breaks none. */
function differencesOf(
  is: StreamConfig,
  wanted: StreamConfig,
): (Difference & { readonly field: keyof StreamConfig })[] {
  const found: (Difference & { readonly field: keyof StreamConfig })[] = [];
  const check = (field: keyof StreamConfig, holds: boolean, expected: unknown = wanted[field]): void => {
    if (!holds) found.push({ field, is: is[field], expected });
  };
  const subjects = is.subjects ?? [];
  check('subjects', wanted.subjects?.every((subject) => subjects.includes(subject)) ?? true);
  check('retention', is.retention === wanted.retention);
  check('storage', is.storage === wanted.storage || is.storage === 'file');
  check('num_replicas', is.num_replicas >= wanted.num_replicas, `${wanted.num_replicas} or more`);
  const isLimited = is.max_bytes > 0 || is.max_msgs > 0;
  check('discard', is.discard === 'new' || !isLimited);
  check('max_bytes', wanted.max_bytes < 0 || is.max_bytes === wanted.max_bytes);
  const perSubject = wanted.max_msgs_per_subject;
  check(
    'max_msgs_per_subject',
    Math.max(is.max_msgs_per_subject, 0) === Math.max(perSubject, 0),
    perSubject > 0 ? perSubject : 'no limit (-1)',
  );
  check(
    'discard_new_per_subject',
    (is.discard_new_per_subject ?? false) === (wanted.discard_new_per_subject ?? false),
    wanted.discard_new_per_subject ?? false,
  );
  const keepsLonger = is.max_age === 0 || (wanted.max_age > 0 && is.max_age >= wanted.max_age);
  check('max_age', keepsLonger, wanted.max_age === 0 ? 'no limit (0)' : `${wanted.max_age} (ns) or more`);
  check('max_msg_size', is.max_msg_size <= 0, 'no limit (-1)');
  check(
    'duplicate_window',
    is.duplicate_window >= wanted.duplicate_window,
    `${wanted.duplicate_window} (ns) or more`,
  );
  check('no_ack', !is.no_ack, false);
  check('sealed', !is.sealed, false);
  return found;
}
