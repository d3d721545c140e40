/** The error codes of JetStream (`err_code` in its answers) that mean something to us. */
export const jetStreamCode = {
  /** The cluster has no leader for this now. */
  temporarilyUnavailable: 10008,
  consumerNotFound: 10014,
  noMessageFound: 10037,
  /** JetStream is off, for this account or altogether. */
  notEnabledForAccount: 10039,
  notEnabled: 10076,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  /** Another message stands on the subject than the one that was expected. */
  wrongLastSequence: 10071,
  /** The same, from a replicated stream. */
  wrongLastSequenceReplicated: 10164,
  /** The stream could not store it: no room, or one of its limits. */
  storeFailed: 10077,
} as const;

/** The statuses that a server gives in a header where it has no body to give. */
export const status = {
  noMessages: 404,
  noResponders: 503,
} as const;
