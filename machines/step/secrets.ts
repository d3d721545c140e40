/** What a parameter's or property's name sounds like when its value is not to be shown. */
const SECRET_NAME = /key|token|secret|pass|pwd|auth|sig|session|credential|jwt/i;

/** Everything from a URL's scheme to the last `@` before its path: it may hold whatever a password may. */
const USER_INFO = /:\/\/[^\s/?#]*@/g;
const FRAGMENT = /(:\/\/[^\s#]*)#(\S*)/g;
const PARAMETER = /([?&;])([^\s=&;?#]*)=([^\s&#]*)/g;
const AUTHORIZATION = /\b(authorization\W{1,4}\w+\s+|bearer\s+)[\w+/=.~-]{8,}/gi;
/** What follows a URL in a sentence or in JSON rather than belonging to it. */
const CLOSING = new Set(`:;,.!)]}>'"`);

/**
 * A text freed of the secrets that requests carry: each URL's user, password and fragment, the values of parameters
 * that sound secret (also those of a bare path), and what follows `Authorization` or `Bearer`.
 *
 * @example
 * ```ts
 * withoutSecrets('GET https://me:pw@shop.example/carts?token=abc: no answer'); // GET https://shop.example/carts?token=redacted: no answer
 * ```
 */
export function withoutSecrets(text: string): string {
  return text
    .replace(USER_INFO, '://')
    .replace(FRAGMENT, (_, url: string, fragment: string) => url + closingOf(fragment))
    .replace(PARAMETER, (found, mark: string, name: string, value: string) =>
      isSecretName(decoded(name)) ? `${mark}${name}=redacted${closingOf(value)}` : withoutNested(found),
    )
    .replace(AUTHORIZATION, '$1redacted');
}

/** What may be the half of a secret where a text is cut: alone it would not be recognised as one. */
const HALVED =
  /(?::\/\/[^\s/?#]*|[?&;][^\s=&;?#]*=[^\s&#]*|\b(?:authorization\W{1,4}\w+\s+|bearer\s+)[\w+/=.~-]*)$/i;

/** A text of any length as it may be shown: without secrets, and of `longest` characters at most. */
export function shown(text: string, longest: number): string {
  // Cut roughly before, as what finds the secrets takes long in a long text.
  // Whole users and passwords go first, as what looks like a parameter's beginning may stand in one.
  const rough =
    text.length > 4 * longest
      ? text
          .slice(0, 4 * longest)
          .replace(USER_INFO, '://')
          .replace(HALVED, '')
      : text;
  const clean = withoutSecrets(rough);
  return clean.length > longest || rough.length < text.length ? `${clean.slice(0, longest)}…` : clean;
}

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** A parameter may be a URL itself, encoded: it is shown only if nothing in it is secret. */
function withoutNested(parameter: string): string {
  if (!parameter.includes('%')) return parameter;
  const plain = decoded(parameter.slice(1));
  return withoutSecrets(plain) === plain
    ? parameter
    : `${parameter.slice(0, parameter.indexOf('='))}=redacted`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function closingOf(text: string): string {
  let end = text.length;
  while (end > 0 && CLOSING.has(text.charAt(end - 1))) end -= 1;
  return text.slice(end);
}
