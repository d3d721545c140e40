/** One server for many tests: each works in an account of its own, where streams and subjects have their usual names. */

/** Lines of a server's configuration: so many accounts, each with its JetStream. */
export function accounts(count: number): string {
  const each = Array.from(
    { length: count },
    (_, n) => `  A${n} { jetstream: enabled, users: [{ user: a${n}, password: secret }] }`,
  );
  return `accounts {\n${each.join('\n')}\n}`;
}
