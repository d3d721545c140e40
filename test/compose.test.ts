import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { natsBinary } from './backends/nats/nats-binary.ts';
import { run } from './cli/serve/program.ts';
import { ask, post } from './http/stand.ts';

/** docker-compose.yml is read, and each service's very command is run by hand, on this machine alone. */
const root = join(import.meta.dirname, '..');

const serviceSchema = z.object({
  image: z.string(),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
});
const compose = z
  .object({
    services: z.record(z.string(), serviceSchema),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(await readFile(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }));

const token = 'a-token-of-24-characters';

function serviceOf(name: string): z.output<typeof serviceSchema> {
  const service = compose.services[name];
  if (!service) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

/** What compose puts in the place of its variables. */
function filledIn(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{TASKCHART_TOKEN:\?[^}]*\}/g, token),
    ]),
  );
}

describe('docker-compose.yml', () => {
  test('has NATS with JetStream and a volume, the demo shop, and two workers, open to this machine alone', () => {
    expect(Object.keys(compose.services)).toEqual(['nats', 'modules', 'shop', 'worker-1', 'worker-2']);
    expect(serviceOf('nats').command).toContain('--jetstream');
    expect(serviceOf('nats').volumes).toEqual(['nats:/data']);
    for (const [name, { ports, volumes, depends_on }] of Object.entries(compose.services)) {
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      for (const needed of Object.keys(depends_on)) expect(compose.services, name).toHaveProperty(needed);
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source !== '.') expect(compose.volumes, name).toHaveProperty([source]);
      }
    }
    expect(serviceOf('worker-1').environment.TASKCHART_TOKEN).toMatch(/^\$\{TASKCHART_TOKEN:\?/);
    expect(serviceOf('worker-2').environment).toEqual(serviceOf('worker-1').environment);
    expect(serviceOf('modules').command.slice(0, 2)).toEqual(['npm', 'ci']);
  });

  test('its commands work together', { timeout: 60_000 }, async () => {
    const data = await mkdtemp(join(tmpdir(), 'taskchart-compose-'));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(data, { recursive: true, force: true }));

    // nats: its image's entry point is the server. Where it keeps its streams and on which ports it listens is ours to say.
    const natsArguments = serviceOf('nats').command.map((word) =>
      word === '/data' ? data : word === '8222' ? '-1' : word,
    );
    const nats = stack.use(
      run([await natsBinary(), '--addr', '127.0.0.1', '--port', '-1', ...natsArguments], {}),
    );
    const natsPort = await found(nats.texts, /Listening for client connections on .*:(\d+)$/);

    const shopService = serviceOf('shop');
    const shop = stack.use(
      run(local(shopService.command), { ...shopService.environment, SHOP_HOST: '127.0.0.1', SHOP_PORT: '0' }),
    );
    const shopPort = await found(shop.texts, /listens on http:\/\/127\.0\.0\.1:(\d+)/);
    await healthy('shop', shopPort);

    const workers = ['worker-1', 'worker-2'].map((name) => {
      const { command, environment } = serviceOf(name);
      const env = filledIn(environment);
      return {
        name,
        program: stack.use(
          run(local(command), {
            ...env,
            NATS_URL: env.NATS_URL?.replace('//nats:4222', `//127.0.0.1:${natsPort}`) ?? '',
            SHOP_URL: env.SHOP_URL?.replace('//shop:4500', `//127.0.0.1:${shopPort}`) ?? '',
            TASKCHART_HOST: '127.0.0.1',
            TASKCHART_PORT: '0',
          }),
        ),
      };
    });
    const urls = await Promise.all(workers.map(({ program }) => program.url()));
    for (const [index, { name }] of workers.entries()) await healthy(name, new URL(urls[index] ?? '').port);

    const order = { id: 'order-1', name: 'order', context: { cart_id: 1 } };
    expect(await post(`${urls[0]}/tasks`, order)).toMatchObject({ status: 401 });
    const authorization = `Bearer ${token}`;
    expect(await post(`${urls[0]}/tasks`, order, { authorization })).toMatchObject({ status: 202 });
    await Promise.any(
      workers.map(({ program }) =>
        program.line(({ task, step, status }) => task === 'order-1' && !step && status === 'complete'),
      ),
    );
    for (const url of urls) {
      expect(await ask(`${url}/tasks/order-1`, { headers: { authorization } })).toMatchObject({
        status: 200,
        body: { status: 'complete' },
      });
    }
    for (const { program } of workers) program.child.kill('SIGTERM');
    for (const { program } of workers) expect(await program.closed).toMatchObject({ code: 0, stderr: '' });
    shop.child.kill('SIGTERM');
    expect(await shop.closed).toMatchObject({ code: 0 });
  });
});

/** A command of a container whose working directory is the repository, as it is run here. */
function local([command, ...args]: readonly string[]): string[] {
  expect(command).toBe('node');
  return [process.execPath, ...args.map((arg) => (arg.startsWith('src/') ? join(root, arg) : arg))];
}

/** What a service's own check says of it, on the port that it has here. */
async function healthy(name: string, port: string): Promise<void> {
  const [how, command, ...args] = serviceOf(name).healthcheck?.test ?? [];
  expect([how, command]).toEqual(['CMD', 'node']);
  const there = args.map((arg) => arg.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`));
  await promisify(execFile)(process.execPath, there);
}

async function found(lines: { next(): Promise<string> }, pattern: RegExp): Promise<string> {
  for (;;) {
    const [, match] = pattern.exec(await lines.next()) ?? [];
    if (match !== undefined) return match;
  }
}
