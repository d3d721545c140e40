import { type ProductRow, productRows } from './catalogue-data.ts';
import { draw, fraction, pick } from './hash.ts';

/**
 * The demo shop's products, in the shape of dummyjson.com.
 *
 * - Every process has the same catalogue: what the table does not say is drawn from the product's id.
 * - Only `withheld` and the stock decide on availability: none is out of stock, fewer than ten is low.
 */

export interface ShopProduct {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly category: string;
  readonly price: number;
  /** What the shop advertises, in per cent. A cart's line has its own. */
  readonly discountPercentage: number;
  readonly rating: number;
  readonly stock: number;
  readonly tags: readonly string[];
  /** Missing, not empty, where there is none. */
  readonly brand?: string;
  readonly sku: string;
  /** In grams. */
  readonly weight: number;
  /** In centimetres. */
  readonly dimensions: { readonly width: number; readonly height: number; readonly depth: number };
  readonly warrantyInformation: string;
  readonly shippingInformation: string;
  readonly availabilityStatus: Availability;
  readonly reviews: readonly ShopReview[];
  readonly returnPolicy: string;
  readonly minimumOrderQuantity: number;
  readonly meta: {
    readonly createdAt: string;
    readonly updatedAt: string;
    readonly barcode: string;
    readonly qrCode: string;
  };
  readonly images: readonly string[];
  readonly thumbnail: string;
}

type Availability = 'In Stock' | 'Low Stock' | 'Out of Stock';

interface ShopReview {
  readonly rating: number;
  readonly comment: string;
  readonly date: string;
  readonly reviewerName: string;
  readonly reviewerEmail: string;
}

const lowStock = 10;
const images = 'https://shop.example/images';

const warranties = ['No warranty', 'Six months', 'Two years', 'For as long as you own it'];
const shippings = ['Leaves today', 'Leaves within three days', 'Leaves next week', 'By carrier pigeon'];
const returns = ['Final sale', 'Fourteen days', 'Thirty days, opened or not', 'A hundred days'];
const comments = [
  'Would buy again.',
  'Smaller than I thought.',
  'My neighbour wants one.',
  'Arrived late, works well.',
  'Not for me.',
  'Better than the old one.',
];
const reviewers = ['Ada Quist', 'Bo Marrow', 'Cleo Vance', 'Dag Ferrow', 'Edda Lund', 'Finn Oake'];

export const catalogue: readonly ShopProduct[] = productRows.map((row, index) => product(index + 1, row));

export function findProduct(id: number): ShopProduct | undefined {
  return catalogue[id - 1];
}

function product(
  id: number,
  [title, category, brand, price, stock, about, withheld]: ProductRow,
): ShopProduct {
  const [rating, discount, weight, size, terms, day, code] = draw(`product ${id}`);
  const created = Date.UTC(2025, 0, 1 + pick(day, 300), pick(day, 24));
  const folder = `${images}/${category}/${id}`;
  return {
    id,
    title,
    description: `${about}.`,
    category,
    price,
    discountPercentage: pick(discount, 2_000) / 100,
    rating: 2.5 + pick(rating, 251) / 100,
    stock,
    tags: [category, (title.split(' ').at(-1) ?? title).toLowerCase()],
    ...(brand !== '' && { brand }),
    sku: `${letters(category)}-${letters(brand === '' ? title : brand)}-${String(id).padStart(3, '0')}`,
    weight: 20 + pick(weight, 2_000),
    dimensions: {
      width: 1 + pick(size, 4_000) / 100,
      height: 1 + pick((size ?? 0) >>> 8, 4_000) / 100,
      depth: 1 + pick((size ?? 0) >>> 16, 4_000) / 100,
    },
    warrantyInformation: oneOf(warranties, terms),
    shippingInformation: oneOf(shippings, (terms ?? 0) >>> 4),
    availabilityStatus: availability(stock, withheld === 'withheld'),
    reviews: [1, 2, 3].map((place) => review(id, place)),
    returnPolicy: oneOf(returns, (terms ?? 0) >>> 8),
    minimumOrderQuantity: 1,
    meta: {
      createdAt: new Date(created).toISOString(),
      updatedAt: new Date(created + pick(code, 40) * 86_400_000).toISOString(),
      barcode: String(4_000_000_000_000 + (code ?? 0)),
      qrCode: `${images}/qr/${id}.png`,
    },
    images: Array.from({ length: 1 + pick(code, 3) }, (_, image) => `${folder}/${image + 1}.webp`),
    thumbnail: `${folder}/thumbnail.webp`,
  };
}

function availability(stock: number, withheld: boolean): Availability {
  if (withheld || stock === 0) return 'Out of Stock';
  return stock < lowStock ? 'Low Stock' : 'In Stock';
}

function review(id: number, place: number): ShopReview {
  const [stars, comment, reviewer, day] = draw(`product ${id} review ${place}`);
  const reviewerName = oneOf(reviewers, reviewer);
  return {
    rating: 1 + Math.floor(fraction(stars) * 5),
    comment: oneOf(comments, comment),
    date: new Date(Date.UTC(2025, 0, 1 + pick(day, 365))).toISOString(),
    reviewerName,
    reviewerEmail: `${reviewerName.toLowerCase().replace(' ', '.')}@mail.example`,
  };
}

function oneOf(choices: readonly string[], drawn: number | undefined): string {
  return choices[pick(drawn, choices.length)] ?? '';
}

function letters(word: string): string {
  return word.slice(0, 3).toUpperCase();
}
