export { type Asked, type ShopClient, type ShopClientOptions, shopClient } from './client.ts';
export { type OrderSurroundings, shopOrderTask } from './order-effects.ts';
