import { failureOf } from '../../../machines/step/failure.ts';
import { type Failure, retryPolicy } from '../../../machines/step/index.ts';

/** The failure that a first attempt ends with which threw this, at the epoch, by the default policy without jitter. */
export function failed(thrown: unknown): Failure {
  const retry = retryPolicy({ jitter: 'none' });
  return failureOf(thrown, { attempt: 1, retry, now: 0, random: () => 0.5 });
}

/** An error as HTTP clients throw it: with what was asked and what was answered. */
export function answeredWith(
  status: number,
  more: { headers?: object; data?: unknown; url?: string } = {},
): Error {
  const { headers = new Headers(), data, url = 'https://shop.example/carts/1' } = more;
  const response = { status, statusText: status === 404 ? 'Not Found' : '', headers, url };
  return Object.assign(new Error('Bad.'), { request: { method: 'GET', url }, response, data });
}
