import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { CART, json, serve } from './local-server.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('./get-cart.ts', import.meta.url));

/** A proxy that leads to one port, whatever it is asked for. It tunnels, and it passes on. */
async function proxyTo(port: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    json(response, CART);
  });
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const shop = connect(port, '127.0.0.1');
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.pipe(shop).pipe(socket);
    const end = () => {
      socket.destroy();
      shop.destroy();
    };
    for (const each of [socket, shop]) each.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

function environmentWith(proxy: string, rest: Record<string, string> = {}) {
  const {
    HTTP_PROXY: _1,
    http_proxy: _2,
    NO_PROXY: _3,
    no_proxy: _4,
    NODE_OPTIONS: _5,
    ...env
  } = process.env;
  return { ...env, HTTP_PROXY: proxy, ...rest };
}

test('a proxy is taken from the environment, where Node is told to', async () => {
  const shop = await serve((_, response) => json(response, CART));
  const proxy = await proxyTo(shop.port);
  const env = environmentWith(proxy.url);
  const { stdout } = await run(process.execPath, ['--use-env-proxy', program, 'http://shop.invalid/api'], {
    env,
  });
  expect(JSON.parse(stdout)).toMatchObject({ id: 1 });
  expect(proxy.asked).toEqual([expect.stringContaining('shop.invalid')]);
});

test('NO_PROXY names what is reached without it; unless told to, Node takes none', async () => {
  const shop = await serve((_, response) => json(response, CART));
  const proxy = await proxyTo(shop.port);
  const except = environmentWith(proxy.url, { NO_PROXY: '127.0.0.1' });
  const [excepted, untold] = await Promise.all([
    run(process.execPath, ['--use-env-proxy', program, shop.url], { env: except }),
    run(process.execPath, [program, shop.url], { env: environmentWith(proxy.url) }),
  ]);
  for (const { stdout } of [excepted, untold]) expect(JSON.parse(stdout)).toMatchObject({ id: 1 });
  expect(shop.requests).toHaveLength(2);
  expect(proxy.asked).toEqual([]);
});
