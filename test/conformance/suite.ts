/**
 * The suite over the port (`src/backends/port.ts`): every sentence of it that a caller can see is tried here, and a
 * test's name says which of its invariants B1–B6 it guards. A backend passes by being given to it, in a test file of its own.
 */
import { describe, expect, it } from 'vitest';
import { actorsPart } from './actors.ts';
import { blobsPart } from './blobs.ts';
import { closingPart } from './closing.ts';
import { followingPart } from './following.ts';
import { inboxPart } from './inbox.ts';
import { journalPart } from './journal.ts';
import { lapsingPart } from './lapsing.ts';
import { namingPart } from './naming.ts';
import { publishingPart } from './publishing.ts';
import { recordsPart } from './records.ts';
import { reopeningPart } from './reopening.ts';
import { settlingPart } from './settling.ts';
import { type MakeBackend, type Open, openStand, type Traits } from './stand.ts';
import { subscribingPart } from './subscribing.ts';
import { takingPart } from './taking.ts';

export type { MakeBackend, Traits } from './stand.ts';

/**
 * Declares the suite for a backend.
 *
 * @param name What the backend calls itself.
 * @param makeBackend Opens one; each test has its own.
 */
export function conformance(name: string, makeBackend: MakeBackend, traits: Traits): void {
  const open: Open = () => openStand(makeBackend, traits);
  describe(`the ${name} backend`, () => {
    it('says what it is', async () => {
      await using stand = await open();
      expect(stand.backend.name).toBe(name);
    });
    journalPart(open);
    followingPart(open, traits);
    inboxPart(open, traits);
    takingPart(open);
    settlingPart(open, traits);
    lapsingPart(open, traits);
    publishingPart(open, traits);
    subscribingPart(open);
    namingPart(open);
    recordsPart(open, traits);
    blobsPart(open, traits);
    actorsPart(open);
    closingPart(open);
    if (traits.reopens) reopeningPart(open, traits);
  });
}
