// `node bench/incremental.ts`: one of N regions again, for growing N: what it costs beside a full run.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunReport } from '../client/commands/run.ts'
import type { Release } from '../domain/release.ts'
import { stages, type StageName } from '../domain/stages.ts'
import { fileStore } from '../storage/file-store.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { Hillock, TINY } from '../test/system/harness.ts'
import { listing } from './common/print.ts'

/** Specimens of 4, 8 and 16 regions of 64 x 64 x 64 voxels. */
const SIZES = [
  [128, 128, 64],
  [128, 128, 128],
  [256, 128, 128],
]
const REGION = '0_1_0'

const hillock = new Hillock()

/** Compute cost of the stages of regions, and of what belongs to the path: tree nodes, the dataset, the release. */
function costs(r: RunReport): { regions: number; path: number; seconds: number } {
  let regions = 0
  let path = 0
  for (const s of r.stages) {
    if (stages[s.stage].scope === 'region') regions += s.cost
    else if (['node', 'dataset', 'release'].includes(stages[s.stage].scope) && s.stage !== 'align') path += s.cost
  }
  return { regions, path, seconds: r.seconds }
}

const rows: Record<string, string | number>[] = []
let bad = 0
try {
  for (const size of SIZES) {
    const n = size.reduce((p, s) => p * (s / 64), 1)
    const file = join(hillock.home, `n${n}.yaml`)
    const yaml = readFileSync(TINY, 'utf8')
    writeFileSync(file, yaml.replace('[128, 128, 64]', JSON.stringify(size)).replace('dataset: tiny', `dataset: n${n}`))
    const full = await hillock.run(file)
    const whole = costs(full)
    const release = await hillock.json<Release>('release', 'show', `n${n}/${full.release}`)
    const artifacts = artifactStore(fileStore(join(hillock.home, 'bucket')))
    // Every artifact of one region, as if its bytes were lost.
    for (const [stage, refs] of Object.entries(release.stages!))
      for (const ref of refs) {
        const { extent } = (await artifacts.lineage(stage, ref.recipe))!.recipe
        const of = typeof extent === 'object' && 'min' in extent ? extent.min.map(v => v / 64).join('_') : ''
        if (stages[stage as StageName].scope === 'region' && of === REGION)
          await artifacts.quarantine(ref, { kind: 'damaged', reason: 'bench', by: 'bench' })
      }
    const lost = await hillock.run(file)
    if (lost.digest !== full.digest) throw new Error('the region came out differently')
    const again = costs(lost)
    const patched = costs(
      await hillock.run(file, `overrides=[{regions: [${REGION}], stages: {agglomerate: {threshold: 0.5}}}]`),
    )
    const limit = (1.3 / n) * whole.regions
    if (again.regions > limit) bad++
    const usd = (v: number): string => (v * 1e6).toFixed(0)
    rows.push({
      regions: n,
      'full run': usd(whole.regions + whole.path),
      'one region lost': usd(again.regions),
      '1.3/N of the full': usd(limit),
      'tree path': usd(again.path),
      'threshold of one region': usd(patched.regions + patched.path),
      'full run s': whole.seconds.toFixed(0),
      'again s': again.seconds.toFixed(0),
    })
  }
} finally {
  await hillock.close()
}
console.log('Compute cost in millionths of the price table; regions alone, the tree path beside it.')
console.log(listing(rows))
process.exit(bad ? 1 : 0)
