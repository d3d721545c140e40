import type { Issue } from '../../machines/issue.ts';
import { parseShopClientOptions } from '../shop/options.ts';
import { ShopClientOptionsError } from '../shop/options-error.ts';

/** What is wrong with `SHOP_URL`. The client of the shop knows which URLs it takes, and shows no password of one that it does not. */
export function shopUrlIssues(url: string | undefined): Issue[] {
  try {
    if (url !== undefined) parseShopClientOptions({ url });
    return [];
  } catch (error) {
    if (!(error instanceof ShopClientOptionsError)) throw error;
    return error.issues.map((issue) => ({ ...issue, path: 'SHOP_URL' }));
  }
}
