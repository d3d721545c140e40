/** What JetStream says about a message that a consumer delivers: it is in the subject that the acknowledgement goes to. */
export interface DeliveryInfo {
  /** How many times the consumer has delivered this message, this time included. */
  readonly delivered: number;
  /** The message's in its stream. */
  readonly sequence: number;
  /** The delivery's among all of the consumer's. */
  readonly consumerSequence: number;
  /** When the message was stored, in ms since the epoch. */
  readonly at: number;
}

const PREFIX = '$JS.ACK.';

/** @param reply `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>[.…]` */
export function deliveryInfo(reply: string | undefined): DeliveryInfo | undefined {
  if (!reply?.startsWith(PREFIX)) return undefined;
  const tokens = reply.split('.');
  const [delivered, sequence, consumerSequence, time = ''] = tokens.slice(tokens.length > 9 ? 6 : 4);
  return {
    delivered: Number(delivered),
    sequence: Number(sequence),
    consumerSequence: Number(consumerSequence),
    // Nanoseconds since the epoch are more than a number holds.
    at: Number(time.slice(0, -6)),
  };
}
