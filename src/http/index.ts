export { type HttpDoor, startHttpDoor } from './door.ts';
export { type HttpOptions, httpOptionsSchema } from './options.ts';
