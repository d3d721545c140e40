import { RefusedError } from './errors/refused-error.ts';
import { matcherOf } from './subject.ts';

/**
 * Gives the stream that takes a subject, known to be well formed; no two take the same one (the options say so).
 *
 * @param streams Their filters, by name.
 */
export function streamFinder(
  streams: Readonly<Record<string, readonly string[]>>,
): (subject: string) => string {
  const takers = Object.entries(streams).map(([name, filters]) => ({ name, takes: filters.map(matcherOf) }));
  return (subject) => {
    const stream = takers.find(({ takes }) => takes.some((matches) => matches(subject)));
    if (stream) return stream.name;
    const known = Object.entries(streams).map(([name, filters]) => `${name} (${filters.join(', ')})`);
    throw new RefusedError(
      `No stream takes the subject ${JSON.stringify(subject)}; the streams are ${known.join('; ') || 'none'}. ` +
        'Publish to another subject, or name it in the option streams.',
    );
  };
}

/** @throws {RefusedError} The subscriber of that name reads another filter. */
export function assertSameFilter(name: string, known: string, filter: string): void {
  if (known === filter) return;
  throw new RefusedError(
    `The subscriber ${JSON.stringify(name)} reads ${JSON.stringify(known)}, not ${JSON.stringify(filter)}. ` +
      'Give the new filter a new name.',
  );
}
