import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CataloguePage } from '../../machines/order/index.ts';
import { readCatalogue } from '../../src/shop/catalogue.ts';
import {
  asked,
  type CatalogueOptions,
  failureFrom,
  getProducts,
  json,
  pageOf,
  rows,
  serve,
} from './local-server.ts';

/** A shop with these products. */
const shop = (products: readonly unknown[], options: CatalogueOptions = {}) =>
  serve((_, response, url) => json(response, pageOf(products, url, options)));

const ids = (products: readonly { id: number }[]) => products.map(({ id }) => id);
const upTo = (count: number) => ids(rows(count));
const skipsOf = ({ requests }: { requests: readonly { path: string }[] }) =>
  requests
    .map(({ path }) => Number(new URL(path, 'http://local').searchParams.get('skip')))
    .toSorted((a, b) => a - b);

describe('the whole catalogue is read, each product once and in order', () => {
  test.each([
    ['a page smaller than the catalogue', 72, 30, undefined, [0, 30, 60]],
    ['a page larger than it', 72, 100, undefined, [0]],
    ['a server that caps the page', 72, 100, 25, [0, 25, 50]],
    ['a page a product', 4, 1, undefined, [0, 1, 2, 3]],
    ['a page of just its size', 72, 72, undefined, [0]],
    ['pages that it fills', 72, 24, undefined, [0, 24, 48]],
    ['one product', 1, 100, undefined, [0]],
    ['none', 0, 100, undefined, [0]],
  ])('%s', async (_, count, pageSize, cap, skips) => {
    const server = await shop(rows(count), cap === undefined ? {} : { cap });
    expect(ids(await getProducts(server.url, { pageSize }))).toEqual(upTo(count));
    expect(skipsOf(server)).toEqual(skips);
    for (const { path } of server.requests) expect(path).toContain(`limit=${pageSize}&`);
  });

  test('from a server that knows no pages, and always gives all', async () => {
    for (const count of [5, 30, 72]) {
      const server = await serve((_, response) => json(response, { products: rows(count), total: count }));
      expect(await getProducts(server.url, { pageSize: 30 })).toHaveLength(count);
    }
  });

  test('however late its pages come', async () => {
    const late: (() => void)[] = [];
    const server = await serve((_, response, url) => {
      const answer = () => json(response, pageOf(rows(50), url));
      if (url.searchParams.get('skip') === '0') return answer();
      // The last come first.
      late.push(answer);
      if (late.length === 4) for (const each of late.toReversed()) each();
    });
    expect(ids(await getProducts(server.url, { pageSize: 10 }))).toEqual(upTo(50));
  });
});

describe('a total that is a lie', () => {
  test('too high: the catalogue ends at the empty page', async () => {
    const server = await shop(rows(72), { total: 110 });
    expect(ids(await getProducts(server.url, { pageSize: 30 }))).toEqual(upTo(72));
  });

  test('huge: it ends there too, and soon', async () => {
    const server = await shop(rows(72), { total: 1e9 });
    expect(ids(await getProducts(server.url, { pageSize: 30 }))).toEqual(upTo(72));
    expect(server.requests.length).toBeLessThanOrEqual(3 + 4 + 1);
  });

  test.each([0, 1, 29, 31, 50, 71])(
    'too low (%d of 72): it is read to its end all the same',
    async (total) => {
      const server = await shop(rows(72), { total });
      expect(ids(await getProducts(server.url, { pageSize: 30 }))).toEqual(upTo(72));
    },
  );

  test('too low, by a shop that always gives all: it is asked once more, and has nothing new', async () => {
    const server = await serve((_, response) => json(response, { products: rows(40), total: 30 }));
    expect(await getProducts(server.url, { pageSize: 30 })).toHaveLength(40);
    expect(server.requests).toHaveLength(2);
  });

  test('as text it is a number, and none is refused by path', async () => {
    expect(await getProducts((await shop(rows(3), { total: '3' })).url)).toHaveLength(3);
    const { code, delay, issues } = await failureFrom(
      getProducts((await shop(rows(3), { total: null })).url),
    );
    expect({ code, delay, paths: issues?.map((issue) => 'path' in issue && issue.path) }).toEqual({
      code: 'invalid_data',
      delay: undefined,
      paths: ['total'],
    });
  });
});

describe('a catalogue that changes while it is read is to be read again', () => {
  const changed = { code: 'catalogue_changed', delay: expect.any(Number) };

  test('its total changes between pages', async () => {
    const server = await serve((_, response, url) => {
      const skip = Number(url.searchParams.get('skip'));
      json(response, pageOf(rows(72), url, { total: skip < 60 ? 72 : 71 }));
    });
    expect(await failureFrom(getProducts(server.url, { pageSize: 30 }))).toMatchObject(changed);
  });

  test('a product comes twice', async () => {
    const server = await shop([...rows(40), { id: 7, price: 1 }, ...rows(60).slice(40)]);
    expect(await failureFrom(getProducts(server.url, { pageSize: 30 }))).toMatchObject(changed);
  });

  test('a page has a gap, whatever is read at the same time', async () => {
    for (const concurrency of [1, 4]) {
      const server = await serve((_, response, url) => {
        const page = pageOf(rows(90), url);
        if (page.skip === 30) page.products.pop();
        json(response, page);
      });
      expect(await failureFrom(getProducts(server.url, { pageSize: 30, concurrency }))).toMatchObject(
        changed,
      );
    }
  });

  test('it is the same page for ever', async () => {
    const server = await serve((_, response) => json(response, { products: rows(30), total: 1e9 }));
    expect(await failureFrom(getProducts(server.url, { pageSize: 30 }))).toMatchObject(changed);
    expect(server.requests.length).toBeLessThanOrEqual(1 + 4);
  });

  test('it grows for ever, and says so', async () => {
    const server = await serve((_, response, url) => {
      const skip = Number(url.searchParams.get('skip'));
      json(response, pageOf(rows(skip + 60), url));
    });
    expect(await failureFrom(getProducts(server.url, { pageSize: 30 }))).toMatchObject(changed);
    expect(server.requests.length).toBeLessThanOrEqual(1 + 4);
  });
});

describe('maxProducts', () => {
  test('a catalogue that goes on for ever is given up for good', async () => {
    for (const total of [15, 1e9]) {
      const server = await serve((_, response, url) => json(response, pageOf(rows(1_000), url, { total })));
      const failure = await failureFrom(getProducts(server.url, { pageSize: 10, maxProducts: 95 }));
      expect(failure).toMatchObject({
        code: 'catalogue_too_large',
        message: expect.stringContaining('(95)'),
      });
      expect(failure.delay).toBeUndefined();
      expect(server.requests.length).toBeLessThanOrEqual(10 + 4);
    }
  });

  test('holds for a single page too, and takes what is just as many', async () => {
    const { url } = await shop(rows(20));
    expect(await failureFrom(getProducts(url, { maxProducts: 19 }))).toMatchObject({
      code: 'catalogue_too_large',
    });
    expect(await getProducts(url, { maxProducts: 20 })).toHaveLength(20);
  });
});

describe('pages after the first are asked for at the same time, within the bound', () => {
  test.each([1, 3, 4])('%d of them', async (concurrency) => {
    let held: (() => void)[] = [];
    const server = await serve((_, response, url) => {
      const answer = () => json(response, pageOf(rows(125), url));
      if (url.searchParams.get('skip') === '0') return answer();
      held.push(answer);
      if (held.length < concurrency) return;
      const group = held;
      held = [];
      // A turn later, so that one too many would be seen.
      setImmediate(() => setImmediate(() => group.map((each) => each())));
    });
    const options = { pageSize: 10, ...(concurrency !== 4 && { concurrency }) };
    expect(await getProducts(server.url, options)).toHaveLength(125);
    expect(server.peak).toBe(concurrency);
  });
});

describe('a page that fails', () => {
  test('fails the reading as it failed, and ends the other requests', async () => {
    const cut = Promise.withResolvers<void>();
    const server = await serve((_, response, url) => {
      const skip = Number(url.searchParams.get('skip'));
      if (skip === 0) return json(response, pageOf(rows(500), url));
      if (skip === 20) response.once('close', cut.resolve);
      if (skip === 30) json(response, { message: 'out of order' }, 503);
    });
    const failure = await failureFrom(getProducts(server.url, { pageSize: 10 }));
    expect(failure).toMatchObject({
      code: 'http_503',
      delay: expect.any(Number),
      request: { url: `${server.url}/products?limit=10&skip=30` },
    });
    await cut.promise;
    expect(server.requests.length).toBeLessThanOrEqual(5);
  });

  test('of another shape is named by the path in its page', async () => {
    const server = await shop([...rows(40), { id: 41, price: 'much' }]);
    expect(await failureFrom(getProducts(server.url, { pageSize: 30 }))).toMatchObject({
      code: 'invalid_data',
      issues: [{ path: 'products[10].price', message: expect.stringContaining('"much"') }],
    });
  });
});

describe('any catalogue, however large it says it is', () => {
  const catalogues = fc.record({
    count: fc.integer({ min: 0, max: 40 }),
    cap: fc.integer({ min: 1, max: 15 }),
    pageSize: fc.integer({ min: 1, max: 15 }),
    concurrency: fc.integer({ min: 1, max: 5 }),
    total: fc.integer({ min: 0, max: 200 }),
    honest: fc.boolean(),
  });

  test('C2, C3, C4: is read whole, in few more requests than it has pages', async () => {
    await fc.assert(
      fc.asyncProperty(catalogues, async ({ count, cap, pageSize, concurrency, total, honest }) => {
        const said = honest ? count : total;
        const step = Math.min(cap, pageSize, count);
        // A total that is too low, but agrees with some pages in full, is believed.
        fc.pre(said === 0 || said >= count || said % step > 0);
        let requests = 0;
        const ask = async (skip: number): Promise<CataloguePage> => {
          requests += 1;
          const url = new URL(`http://local/?limit=${pageSize}&skip=${skip}`);
          return pageOf(rows(count), url, { cap, total: said }) as never;
        };
        const { signal } = asked();
        const read = await readCatalogue(ask, { concurrency, maxProducts: 40, signal });
        expect(ids(read)).toEqual(upTo(count));
        expect(requests).toBeLessThanOrEqual(Math.ceil(count / Math.max(step, 1)) + concurrency + 1);
      }),
      { numRuns: 500 },
    );
  });
});
