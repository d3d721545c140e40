import { shopClient } from '../../src/shop/index.ts';

/** A program of its own, for the tests of proxies: prints a cart of the shop at the URL that it is given. */
const [, , url = ''] = process.argv;
const cart = await shopClient({ url }).cart(1, { key: 't1/fetch_cart', signal: AbortSignal.timeout(10_000) });
console.log(JSON.stringify(cart));
