import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that wait for real servers, processes and time begin first, so that nothing is left that waits alone at the end. */
const PATIENT = /\/test\/(conformance\/nats|cli|backends\/nats|nats)\b/;

class PatientFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isPatient = ({ moduleId }: TestSpecification) => PATIENT.test(moduleId);
    return [...sorted.filter(isPatient), ...sorted.filter((file) => !isPatient(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    execArgv: ['--conditions=development'],
    setupFiles: ['test/leaks.ts'],
    testTimeout: 20_000,
    // More than there are cores on a small machine: many of them wait most of the time.
    maxWorkers: 4,
    restoreMocks: true,
    sequence: { sequencer: PatientFirst },
  },
});
