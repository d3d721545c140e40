/** The filter that takes what both take; nothing if there is no such subject. A consumer's must be within its stream's. */
export function intersection(one: string, other: string): string | undefined {
  const a = one.split('.');
  const b = other.split('.');
  const tokens: string[] = [];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const left = a[index];
    const right = b[index];
    if (left === undefined || right === undefined) return undefined;
    if (left === '>') return [...tokens, ...b.slice(index)].join('.');
    if (right === '>') return [...tokens, ...a.slice(index)].join('.');
    if (left !== right && left !== '*' && right !== '*') return undefined;
    tokens.push(left === '*' ? right : left);
  }
  return tokens.join('.');
}
