import { fileURLToPath } from 'node:url';
import { freePort, type Server, startServer } from './server.ts';

// The program itself, without the launcher that its package has for it.
const program = fileURLToPath(
  new URL(
    `../node_modules/@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`,
    import.meta.url,
  ),
);

/** Of its default, 24, each costs something, and on two cores none brings anything: an order takes a third less CPU with two. */
const PARTITIONS = '2';

/** Its npm package holds the server; it needs no network. */
export async function startRestate(folder: string): Promise<Server> {
  const [node, ingress, admin] = [await freePort(), await freePort(), await freePort()];
  return startServer(`http://127.0.0.1:${ingress} http://127.0.0.1:${admin}`, {
    command: program,
    args: ['--base-dir', folder, '--node-name', 'bench', '--listen-mode', 'tcp'],
    env: {
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_DISABLE_TELEMETRY: 'true',
      DO_NOT_TRACK: '1',
      RESTATE_DEFAULT_NUM_PARTITIONS: PARTITIONS,
      RESTATE_LOG_DISABLE_ANSI_CODES: 'true',
    },
    // The last of its partitions is up some moments later.
    ready: /Partition \d+ started/,
  });
}
