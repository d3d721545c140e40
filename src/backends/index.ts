export * from './errors/index.ts';
export type * from './port.ts';
