import type { MsgHdrs } from 'nats';

/** A header: its name, and one of its values. */
export type HeaderField = readonly [name: string, value: string];

export function fieldsOf(headers: MsgHdrs | undefined): readonly HeaderField[] {
  return [...(headers ?? [])].flatMap(([name, values]) => values.map((value): HeaderField => [name, value]));
}

/** @param text Headers as they are on the wire: `NATS/1.0`, then a line each. What is no header is left out. */
export function fieldsOfText(text: string | undefined): readonly HeaderField[] {
  return (text ?? '')
    .split('\r\n')
    .slice(1)
    .flatMap((line): HeaderField[] => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1).trim()]] : [];
    });
}
