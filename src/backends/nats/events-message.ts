/** Published messages on the wire: the body is the payload, as JSON; the id is in the header that deduplicates. */
import type { Msg } from 'nats';
import type { Publication } from '../cursor.ts';
import { reportFailure } from '../report.ts';
import type { DeliveryInfo } from './delivery-info.ts';

const MESSAGE_ID = 'Nats-Msg-Id';

/** A stream knows ids whatever their subject; ours are of a subject. */
export function messageIdHeader(subject: string, id: string): string {
  return `${subject}:${encodeURIComponent(id)}`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @returns Nothing, with a warning, for what others published there that is no JSON. */
export function publicationOf(message: Msg, info: DeliveryInfo, stream: string): Publication | undefined {
  const { subject } = message;
  const { sequence, at } = info;
  try {
    const text = utf8.decode(message.data);
    JSON.parse(text);
    return {
      subject,
      stream,
      sequence,
      at,
      text,
      order: sequence,
      id: idOf(message) ?? `${stream}/${sequence}`,
    };
  } catch (error) {
    reportFailure(`The message ${sequence} of ${stream} (${subject}) was left out: it is no JSON`, error);
    return undefined;
  }
}

function idOf(message: Msg): string | undefined {
  let id: string | undefined;
  try {
    id = message.headers?.get(MESSAGE_ID);
    const prefix = `${message.subject}:`;
    return id?.startsWith(prefix) ? decodeURIComponent(id.slice(prefix.length)) : id || undefined;
  } catch {
    // Not one of ours: whatever it says is its id.
    return id;
  }
}
