import type { FastifyInstance } from 'fastify';

/**
 * Takes bodies of JSON, in UTF-8, and no others. Bytes that are no text are refused, where Node would put U+FFFD in their place: what is
 * kept is what was sent. Keys that could change prototypes are refused, as fastify does.
 */
export function takeJsonAlone(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      return done(Object.assign(new Error('The body is not text in UTF-8.'), { statusCode: 400 }));
    }
    return parse(request, text, done);
  });
}
