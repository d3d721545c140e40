/** What the shop of every benchmark says: a cart of 4 lines, a catalogue of 100 products. */
const LINES = 4;
const PRODUCTS = 100;

export const catalogue = Array.from({ length: PRODUCTS }, (_, index) => ({
  id: index + 1,
  title: `Product ${index + 1}`,
  price: 9.99 + index,
  stock: 1_000_000,
  availabilityStatus: 'In Stock',
}));

export const cart = {
  id: 1,
  userId: 101,
  products: Array.from({ length: LINES }, (_, index) => ({
    id: index * 7 + 1,
    title: `Product ${index * 7 + 1}`,
    price: 9.99 + index * 7,
    quantity: index + 1,
    discountPercentage: 2.5 * index,
  })),
};
