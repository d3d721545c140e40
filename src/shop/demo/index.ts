/**
 * The demo shop, for those who start it, order from it, or want to know what it will do.
 */
export type { ShopAnswer, ShopCall } from './calls.ts';
export type { DemoExpectation, IssueCode } from './cart-data.ts';
export { type DemoCart, demoCarts } from './carts.ts';
export type { ShopClock } from './clock.ts';
export {
  type FailureKind,
  type Fault,
  type FaultLevel,
  type FaultQuestion,
  failureKinds,
  faultLevels,
  planFault,
  type Rows,
} from './faults.ts';
export type { DemoShopOptions } from './options.ts';
export { DemoShopOptionsError } from './options-error.ts';
export { type DemoShop, startDemoShop } from './server.ts';
