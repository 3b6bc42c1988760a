// How the tests run: real servers and child processes need long time-outs; three files at a time on two cores, since they often wait.
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { defineConfig } from 'vitest/config'

/** The longest first, so that none is left alone at the end; the quick ones fill the gaps. */
const ORDER = [/runs\/gcs/, /operation\/control/, /runs\/plan/, /system\//]
const rank = ({ moduleId }: TestSpecification): number => {
  const found = ORDER.findIndex(name => name.test(moduleId))
  return found < 0 ? ORDER.length : found
}
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/teardown.ts',
    testTimeout: 120_000,
    hookTimeout: 180_000,
    maxWorkers: 3,
    pool: 'forks',
    reporters: ['default'],
    sequence: { sequencer: LongestFirst },
  },
})
