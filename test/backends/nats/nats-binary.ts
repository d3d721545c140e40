export * from '../../../src/cli/nats-server/nats-binary.ts';
