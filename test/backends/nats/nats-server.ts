export * from '../../../src/cli/nats-server/nats-server.ts';
