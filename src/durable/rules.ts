/**
 * What makes replay and live one. Nobody is meant to break these; they are named here so that tests can, and show that
 * their checks would notice.
 */
export interface Rules {
  /** D2: what came is delivered once it is durable. */
  readonly writeAhead: boolean;
  /** D4: no effect starts while its past is being replayed. */
  readonly shutGates: boolean;
  /** D7: actions and emits of the past are not run again. */
  readonly actOnce: boolean;
  /** What an earlier incarnation of an actor says reaches nobody. */
  readonly refuseLate: boolean;
}

export const RULES: Rules = { writeAhead: true, shutGates: true, actOnce: true, refuseLate: true };
