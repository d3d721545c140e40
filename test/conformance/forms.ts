/** What no backend takes, and what every one takes at the edges of what it may refuse. */

export const malformedIds = ['', 'a\nb', '\u0000', 'x'.repeat(257)];
export const edgeIds = ['a', 'order-1/3/0', 'ein Name – mit Ümläuten', 'x'.repeat(256)];

export const malformedTaskIds = ['', 'a b', 'a.b', 'a/b', 'ä', 'a\n', '*', '>', 'x'.repeat(129)];
export const edgeTaskIds = ['a', '_', '-', '0', 'A-z_9', 'x'.repeat(128)];

export const malformedTaskNames = ['', 'Order', '1st', '_x', 'a.b', 'a b', '*', 'x'.repeat(65)];
export const edgeTaskNames = ['o', 'order_v2-x', 'x'.repeat(64)];

export const malformedSubjects = [
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  'orders.*',
  'orders.>',
  'a\n',
  `orders.${'x'.repeat(249)}`,
];
export const malformedFilters = ['', '.', 'a.', '.a', 'a..b', 'a.>.b', '>.a', 'a*', 'a.b>', '**', 'a b'];
export const malformedSubscriberNames = ['', 'a b', 'a.b', '*', 'x'.repeat(65)];
export const malformedHashes = ['', 'abc', 'A'.repeat(64), 'g'.repeat(64), `${'a'.repeat(64)}\n`];

class Instance {
  value = 1;
}

/** Values that JSON does not keep, as the part of a value, with what the error says behind the path. */
export const notJson: readonly (readonly [string, unknown, RegExp])[] = [
  ['undefined', undefined, /is undefined; JSON has no undefined/],
  ['NaN', Number.NaN, /is NaN; JSON has no NaN/],
  ['Infinity', Number.NEGATIVE_INFINITY, /is -Infinity; JSON has no -Infinity/],
  ['a BigInt', 1n, /is a BigInt/],
  ['a function', () => 1, /is a function/],
  ['a symbol', Symbol('s'), /is a symbol/],
  ['a Date', new Date(0), /is an instance of Date/],
  ['a Map', new Map(), /is an instance of Map/],
  ['an instance of a class', new Instance(), /is an instance of Instance/],
];

/** Values that JSON keeps, the odd ones among them. */
export const oddJson = [
  null,
  0,
  -1.5e-7,
  Number.MAX_SAFE_INTEGER,
  '',
  'Grüße 👋 \u0000 \u2028 "\\',
  true,
  [],
  {},
  [[[]], [null], { '': { ' ': [] } }],
  { 'a.b': 1, constructor: 2, toString: 'x', length: 0 },
  JSON.parse('{"__proto__": {"polluted": true}}'),
];
