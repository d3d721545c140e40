import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { sqliteBackend } from '../../../src/backends/sqlite/index.ts';
import { migrate, migrations, pragma } from '../../../src/backends/sqlite/schema.ts';
import { makeFolder } from './folder.ts';
import { start } from './process.ts';

const refusal = (file: string): Promise<unknown> =>
  sqliteBackend({ file }).then(
    async (backend) => {
      await backend.close();
      return 'opened';
    },
    (thrown: unknown) => thrown,
  );

const unusable = (file: string, reason: string, ...parts: string[]) => ({
  name: 'UnusableFileError',
  file,
  reason,
  message: expect.stringMatching(new RegExp([file, ...parts].join('.*'))),
});

describe('the file of the SQLite backend', () => {
  it('F4 syncs each commit to the disk, and leaves nothing beside it when closed', async () => {
    const file = join(makeFolder(), 'test.db');
    const { openFile, closeFile } = await import('../../../src/backends/sqlite/file.ts');
    const db = await openFile(file);
    expect(pragma(db, 'synchronous')).toBe(2);
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(pragma(db, 'auto_vacuum')).toBe(2);
    expect(existsSync(`${file}-owner`)).toBe(true);
    closeFile(db);
    expect(readdirSync(join(file, '..'))).toEqual(['test.db']);
  });

  it('may be given by a relative path, or through a link', async () => {
    const folder = makeFolder();
    const file = join(folder, 'test.db');
    await using backend = await sqliteBackend({ file: relative(process.cwd(), file) });
    await backend.records.create('a', 1);
    symlinkSync(file, join(folder, 'link.db'));
    expect(await refusal(join(folder, 'link.db'))).toMatchObject({ name: 'FileInUseError', file });
  });

  it('F2 is refused in a folder that is not there, which is not made', async () => {
    const file = join(makeFolder(), 'no', 'where', 'test.db');
    expect(await refusal(file)).toMatchObject(
      unusable(file, 'no_folder', 'there is no folder', "mkdir -p '.*where'"),
    );
    expect(existsSync(join(file, '..', '..'))).toBe(false);
  });

  it('F2 is refused if it is a directory, or its folder is a file', async () => {
    const folder = makeFolder();
    expect(await refusal(folder)).toMatchObject(unusable(folder, 'a_directory', 'Name a file in it'));
    writeFileSync(join(folder, 'file'), '');
    const file = join(folder, 'file', 'test.db');
    expect(await refusal(file)).toMatchObject(unusable(file, 'no_folder'));
  });

  it.each([
    [
      'a text',
      'not_a_database',
      'is no SQLite database',
      (file: string) => writeFileSync(file, 'hello'.repeat(999)),
    ],
    [
      'the database of another program',
      'another_program',
      'another program',
      (file: string) => {
        const db = new DatabaseSync(file);
        db.exec('PRAGMA application_id = 7; CREATE TABLE theirs (x)');
        db.close();
      },
    ],
    [
      'a database with tables that names no program',
      'another_program',
      'another program',
      (file: string) => {
        const db = new DatabaseSync(file);
        db.exec('PRAGMA journal_mode = WAL; CREATE TABLE theirs (x)');
        db.close();
      },
    ],
    [
      'of a newer schema',
      'newer_schema',
      `has schema 99; .* up to ${migrations.length}`,
      (file: string) => {
        const db = new DatabaseSync(file);
        migrate(db);
        db.exec('PRAGMA journal_mode = WAL; PRAGMA user_version = 99');
        db.close();
      },
    ],
  ])('F2 is refused, and left as it was, if it is %s', async (_, reason, part, make) => {
    const file = join(makeFolder(), 'test.db');
    make(file);
    const before = readFileSync(file);
    expect(await refusal(file)).toMatchObject(unusable(file, reason, part));
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(join(file, '..'))).toEqual(['test.db']);
  });

  it('is refused if it is damaged', async () => {
    const file = join(makeFolder(), 'test.db');
    await (await sqliteBackend({ file })).close();
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0xff, 100, 4_096));
    expect(await refusal(file)).toMatchObject(unusable(file, 'damaged', 'backup'));
  });

  it.each([
    ['the file', 0o444, 0o755],
    ['the folder', 0o666, 0o555],
  ])('is refused if this user may not write to %s', async (_, fileMode, folderMode) => {
    const folder = join(makeFolder(), 'data');
    mkdirSync(folder);
    chmodSync(join(folder, '..'), 0o755);
    const file = join(folder, 'test.db');
    await (await sqliteBackend({ file })).close();
    const before = readFileSync(file);
    chmodSync(file, fileMode);
    chmodSync(folder, folderMode);
    await using other = start('unprivileged', file);
    const error: unknown = JSON.parse(await other.lines.next());
    chmodSync(folder, 0o755);
    expect(error).toMatchObject({
      name: 'UnusableFileError',
      reason: 'no_permission',
      message: expect.stringMatching(`${file} cannot be written to by this user.*${folder}`),
    });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('is made from an empty one', async () => {
    const file = join(makeFolder(), 'test.db');
    writeFileSync(file, '');
    expect(await refusal(file)).toBe('opened');
  });

  it('F1 is refused a second time in the same process, and free when closed', async () => {
    const file = join(makeFolder(), 'test.db');
    const first = await sqliteBackend({ file });
    await first.records.create('a', 1);
    expect(await refusal(file)).toMatchObject({
      name: 'FileInUseError',
      file,
      owner: { pid: process.pid },
      message: expect.stringContaining(`this very process (${process.pid})`),
    });
    await first.records.create('b', 2);
    await using other = start('hold', file);
    await first.close();
    await other.end();
    await using second = await sqliteBackend({ file });
    expect(await second.records.read('b')).toBe(2);
  });

  it('F1 is refused to a second process by the pid of the first, and free when that is killed', async () => {
    const file = join(makeFolder(), 'test.db');
    await using other = start('hold', file);
    expect(await other.lines.next()).toBe('open');
    const begun = performance.now();
    expect(await refusal(file)).toMatchObject({
      name: 'FileInUseError',
      owner: { pid: other.pid, hostname: hostname(), startedAt: expect.stringMatching(/^20.*Z$/) },
      message: expect.stringMatching(`${file} is in use by process ${other.pid} on .* Stop that process`),
    });
    expect(performance.now() - begun).toBeLessThan(500);
    await other.kill();
    expect(existsSync(`${file}-owner`)).toBe(true);
    expect(await refusal(file)).toBe('opened');
  });

  it('F1 waits for who is opening or leaving it, and names nobody who is no more', async () => {
    const file = join(makeFolder(), 'test.db');
    const db = new DatabaseSync(file);
    db.exec('BEGIN EXCLUSIVE');
    const dead = start('none', file);
    await dead.end();
    writeFileSync(
      `${file}-owner`,
      JSON.stringify({ pid: dead.pid, hostname: hostname(), startedAt: '2026-01-01T00:00:00.000Z' }),
    );
    expect(await refusal(file)).toMatchObject({
      name: 'FileInUseError',
      owner: undefined,
      message: expect.stringContaining('left no note'),
    });
    const opened = refusal(file);
    db.close();
    expect(await opened).toBe('opened');
  });
});

describe('migrations', () => {
  it('are done once each, in order, and each as a whole or not', () => {
    const db = new DatabaseSync(':memory:');
    migrate(db, ['CREATE TABLE a (x)']);
    const steps = ['CREATE TABLE a (x)', 'CREATE TABLE b (x)', 'CREATE TABLE c (x); CREATE TABLE a (x)'];
    expect(() => migrate(db, steps)).toThrow('table a already exists');
    const tables = db.prepare('SELECT name FROM sqlite_schema ORDER BY name').all();
    expect(tables).toMatchObject([{ name: 'a' }, { name: 'b' }]);
    expect(pragma(db, 'user_version')).toBe(2);
    db.close();
  });
});
