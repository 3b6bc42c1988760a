// match: how each section of a batch lies against the two before it.
import type { BatchOutcome, Outcome } from '../../domain/contract/artifacts.ts'
import type { SectionTask } from '../../domain/contract/activities.ts'
import type { SectionImage } from '../../kernels/sections/section-types.ts'
import type { Deps } from '../context.ts'
import { nodesOf } from '../gather.ts'
import { batch } from '../housekeeping/index-nodes.ts'
import { cached } from '../../storage/cached.ts'
import { greyOf } from './ingest.ts'
import { progress } from '../meter.ts'
import { item, json, produce } from '../produce.ts'
import { drawSection, sectionReader } from './sections.ts'
import { configOf } from '../documents.ts'
import { agrees, matchSections } from '../../kernels/sections/match-sections.ts'
import { turnedSection } from '../../kernels/sections/turned.ts'

/** Two pairs per section keep the chain together across a single bad one. */
const BACK = [1, 2]

/** Pairs of sections whose later one lies in the batch, as they are named. */
export const pairsOf = ({ first, last }: Pick<SectionTask, 'first' | 'last'>): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i).flatMap(b =>
    BACK.map(k => b - k)
      .filter(a => a >= 0)
      .map(a => `${a}-${b}`),
  )

export async function match(deps: Deps, task: SectionTask): Promise<BatchOutcome> {
  const { context, first, last } = task
  const config = await configOf(deps, context.config)
  const nodes = await nodesOf(deps, task, 'stitch', [first - Math.max(...BACK), last + 1])
  const section = await sectionReader(deps, nodes)
  const { scale, ...params } = config.stages.match
  const images = new Map<unknown, Promise<SectionImage>>()
  const draw = async (z: number): Promise<SectionImage> => {
    const { manifest, stitch } = await section(z)
    return drawSection(deps, manifest.tiles, stitch!, scale)
  }
  const image = (z: number): Promise<SectionImage> => cached(images, z, Infinity, () => draw(z))
  const outcomes: Outcome[] = []
  for (let b = first; b <= last; b++) {
    for (const a of BACK.map(k => b - k).filter(z => z >= 0)) {
      const work = item(deps, 'match', `${a}-${b}`, async () => {
        const [from, to] = await Promise.all([section(a), section(b)])
        const order = {
          stage: 'match',
          key: `${a}-${b}`,
          parameters: { ...config.stages.match, ...greyOf(config) },
          inputs: {
            [`stitch/${a}`]: from.stitchRef,
            [`stitch/${b}`]: to.stitchRef,
            ...tileInputs(a, from),
            ...tileInputs(b, to),
          },
          extent: { sections: [a, b] },
        } as const
        return produce(deps, config, order, async put => {
          const found =
            from.stitch && to.stitch
              ? await deps.compute(matchSections, [await image(a), await image(b), params])
              : null
          // What would help is for a person to read: it is no part of what the sections agree on.
          const turned =
            found && found.agreement < agrees
              ? await deps.compute(turnedSection, [await image(a), await image(b)])
              : undefined
          await put('match.json', json(found))
          return {
            voxels: found ? context.bounds.max[0] * context.bounds.max[1] : 0,
            summary: { agreement: found?.agreement ?? 0, ...(turned && { turned: { ...turned } }) },
          }
        })
      })
      outcomes.push(await work)
    }
    images.delete(b - 2)
    progress(b - first + 1, last - first + 1)
  }
  return batch(deps, task.page, outcomes)
}

const tileInputs = (
  z: number,
  s: { manifest: { tiles: readonly { name: string; sha256: string }[] } },
): Record<string, string> => Object.fromEntries(s.manifest.tiles.map(t => [`tile/${z}/${t.name}`, t.sha256]))
