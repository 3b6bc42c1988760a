// What other packages import: names that go are noticed here, and every one that package.json exports is there.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, string> }
const PROMISED: Readonly<Record<string, string>> = {
  './client':
    'bucket channelsOf connect datasets decide findRelease follow links onStack pause progressOf readRelease readRunFile resume rollBack startRun stopStack waiting',
  './domain':
    'CHANNELS HillockError Lineage Release RunConfig boxAt cellsIn errorTable grow intersect isHillockError key parseRunConfig shapeOf stageNames stages subtract voxels z',
  './stages': 'addStage params z',
  './worker':
    'configFor emVolume halo ofNode ofRegion own produce putVolume readVolume refs regionBox roleProcess runRole touching',
}

test.each(Object.entries(exports))('%s', async (name, file) => {
  const given = Object.keys((await import(/* @vite-ignore */ new URL(`../../${file}`, import.meta.url).href)) as object)
  expect(given).toEqual(expect.arrayContaining(PROMISED[name]!.split(' ')))
})
