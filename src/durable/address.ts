/** Where the root is: every other actor is below it. */
export const ROOT = '';

const RESERVED = /[%/#]/g;

/**
 * Says which actor: the ids on the way to it, each with how many times its parent has had one of that id: `pay`,
 * `pay#2`, `worker#3/pay`. So the same invoke entered again is another actor, and an address is never used twice.
 */
export function addressOf(parent: string, id: string, nth: number): string {
  const name = id === '' ? '%' : id.replace(RESERVED, (character) => encodeURIComponent(character));
  const own = nth === 1 ? name : `${name}#${nth}`;
  return parent === ROOT ? own : `${parent}/${own}`;
}

/** The address without its counts: the same for every actor that comes to be in that place. */
export function placeOf(address: string): string {
  return address.replace(/#\d+/g, '');
}
