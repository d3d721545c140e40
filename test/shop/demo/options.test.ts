import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../../src/shop/demo/command-line.ts';
import { type DemoShopOptions, DemoShopOptionsError, startDemoShop } from '../../../src/shop/demo/index.ts';

describe('given by a program', () => {
  test.each<[unknown, string]>([
    [{ port: 70_000 }, 'port is 70000: expected a whole number from 0 (any free port) to 65535.'],
    [{ port: '80' }, "port is '80': expected a whole number from 0 (any free port) to 65535."],
    [{ host: '' }, "host is '': expected an address or a host name."],
    [{ faults: 'lots' }, "faults is 'lots': expected one of none, some, many."],
    [{ seed: 1.5 }, 'seed is 1.5: expected a whole number from -9007199254740991 to 9007199254740991.'],
    [{ count: 1 }, 'count is 1: expected a function.'],
    [{ clock: {} }, 'clock is [object Object]: expected an object with now, setTimeout and clearTimeout.'],
    [{ fault: 'none' }, "An option is 'fault': expected port, host, faults, seed, count, clock."],
  ])('%j', async (options, message) => {
    const refused = startDemoShop(options as DemoShopOptions);
    await expect(refused).rejects.toThrow(DemoShopOptionsError);
    await expect(refused).rejects.toThrow(message);
  });

  test('undefined is the default', async () => {
    await using shop = await startDemoShop({ port: undefined, faults: undefined, seed: undefined });
    expect(shop.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });
});

describe('given on the command line', () => {
  test('nothing: the defaults', () => {
    expect(parseCommandLine([], {})).toMatchObject({
      port: 4_500,
      host: '127.0.0.1',
      faults: 'some',
      seed: 1,
    });
    expect(parseCommandLine([], { SHOP_PORT: '', SHOP_HOST: '' })).toMatchObject({
      port: 4_500,
      host: '127.0.0.1',
    });
  });

  test('everything', () => {
    const env = { SHOP_PORT: '0', SHOP_HOST: '::1' };
    expect(parseCommandLine(['--faults', 'many', '--seed=-7'], env)).toMatchObject({
      port: 0,
      host: '::1',
      faults: 'many',
      seed: -7,
    });
  });

  test.each([['--help'], ['-h'], ['--faults', 'some', '--help']])('%s: the help', (...args) => {
    expect(parseCommandLine(args, {})).toBe('help');
  });

  test.each<[string[], Record<string, string>, string]>([
    [['--faults', 'lots'], {}, "--faults is 'lots': expected one of none, some, many."],
    [['--faults'], {}, '--faults has no value: expected one of none, some, many.'],
    [['--faults='], {}, "--faults is '': expected one of none, some, many."],
    [
      ['--seed', 'x'],
      {},
      "--seed is 'x': expected a whole number from -9007199254740991 to 9007199254740991.",
    ],
    [['--port', '1'], {}, "An option is '--port': expected --faults, --seed or --help."],
    [['many'], {}, "An argument is 'many': expected --faults, --seed or --help."],
    [
      [],
      { SHOP_PORT: '4500x' },
      "SHOP_PORT is '4500x': expected a whole number from 0 (any free port) to 65535.",
    ],
    [
      [],
      { SHOP_PORT: '65536' },
      'SHOP_PORT is 65536: expected a whole number from 0 (any free port) to 65535.',
    ],
  ])('%j %j', (args, env, message) => {
    expect(() => parseCommandLine(args, env)).toThrow(DemoShopOptionsError);
    expect(() => parseCommandLine(args, env)).toThrow(message);
  });
});
