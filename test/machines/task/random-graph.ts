import fc from 'fast-check';

/** Steps and what they come after; without cycles, and each written after what it comes after. */
export type Graph = readonly { readonly name: string; readonly after: readonly string[] }[];

/** Any graph of 1 to `most` steps: every pair of steps either depends or does not. */
export function graphs(most: number): fc.Arbitrary<Graph> {
  return fc.integer({ min: 1, max: most }).chain((size) => {
    const names = Array.from({ length: size }, (_, place) => `s${place}`);
    return fc
      .tuple(...names.map((_, place) => fc.subarray(names.slice(0, place))))
      .map((afters) => names.map((name, place) => ({ name, after: afters[place] ?? [] })));
  });
}

/** The same steps, written in any order. */
export function shuffled<Item>(lists: fc.Arbitrary<readonly Item[]>): fc.Arbitrary<Item[]> {
  return lists.chain((list) => fc.shuffledSubarray([...list], { minLength: list.length }));
}
