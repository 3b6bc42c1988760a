// The affinity model of a run file that names none: of the networks in the checkout that are for its voxels, the newest.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { RunConfig } from '../domain/config.ts'
import { configError } from '../domain/errors.ts'
import { outside, parseCard, type Card } from '../domain/model-card.ts'
import { AFFINITY } from '../domain/models.ts'
import { checkout } from '../worker/home.ts'

/** Folders of the checkout with their cards: of affinities, by networks that were trained on voxels of some size. */
const trained = (root: string): [folder: string, card: Card][] =>
  globSync('models/*/card.json', { cwd: root })
    .map(dirname)
    .sort()
    .flatMap(folder => {
      const text = readFileSync(join(root, folder, 'card.json'), 'utf8')
      if (!/"offsetsZYX"/.test(text) || !/"voxelSizeNm"/.test(text)) return []
      return [[folder, parseCard(text, AFFINITY, why => configError(`${folder}: ${why}`))]]
    })

/** Its absolute path: of those for such voxels the one of the highest version, of equal ones the first by name. Undefined where none is for them. */
export function affinityModelFor({ voxelSizeNm }: Pick<RunConfig, 'voxelSizeNm'>, root = checkout): string | undefined {
  const later = (a = '0', b = '0'): number => a.localeCompare(b, 'en', { numeric: true })
  const fitting = trained(root).filter(([, card]) => outside(card, voxelSizeNm) < 0)
  const [best] = fitting.sort(([, a], [, b]) => later(b.version, a.version))
  return best && join(root, best[0])
}

/** The run file, which names its model if it comes to one. @throws HillockError ConfigError where no model is for such voxels */
export function withAffinityModel(config: RunConfig, root = checkout): RunConfig {
  if (config.model !== undefined || config.through === 'render') return config
  const model = affinityModelFor(config, root)
  if (model !== undefined) return { ...config, model }
  const known = trained(root).map(
    ([folder, { ranges }]) => `${folder} is for ${ranges.map(r => r.join(' to ')).join(' x ')} nm`,
  )
  throw configError(
    `model: the run file names none, and none of the checkout is for voxels of ${config.voxelSizeNm.join(' x ')} nm: ${known.join(', ')}. Name one (model: FOLDER; models/train says how one is trained), or stop at the images (through: render)`,
  )
}
