export { type Asked, type ShopClient, shopClient } from './client.ts';
export type { ShopClientOptions } from './options.ts';
export { ShopClientOptionsError } from './options-error.ts';
export { type OrderSurroundings, shopOrderTask } from './order-effects.ts';
