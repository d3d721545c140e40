/** Which subjects a filter takes: `*` stands for one token, a last `>` for one or more. */

/** Whether a subject, known to be well formed, is one that the filter takes. */
export type Matcher = (subject: string) => boolean;

/** Whether a filter takes one subject only. */
export function isExact(filter: string): boolean {
  return !filter.includes('*') && !filter.endsWith('>');
}

/** Compiles a well-formed filter. The forms that are common (`a.b`, `>`, `a.b.>`) compare without splitting. */
export function matcherOf(filter: string): Matcher {
  if (isExact(filter)) return (subject) => subject === filter;
  if (filter === '>') return () => true;
  if (!filter.includes('*')) {
    const prefix = filter.slice(0, -1);
    return (subject) => subject.startsWith(prefix);
  }
  const wanted = filter.split('.');
  const open = wanted.at(-1) === '>';
  if (open) wanted.pop();
  return (subject) => {
    const tokens = subject.split('.');
    if (open ? tokens.length <= wanted.length : tokens.length !== wanted.length) return false;
    return wanted.every((token, index) => token === '*' || token === tokens[index]);
  };
}

/** Whether there is a subject that both filters take. */
export function overlap(one: string, other: string): boolean {
  const a = one.split('.');
  const b = other.split('.');
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const left = a[index];
    const right = b[index];
    if (left === undefined || right === undefined) return false;
    if (left === '>' || right === '>') return true;
    if (left !== right && left !== '*' && right !== '*') return false;
  }
  return true;
}
