export { type NatsDoor, startNatsDoor } from './door.ts';
