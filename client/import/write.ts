// What `import` writes: a run file of a grid as large as the data need, with what was found above it as comments.
import { existsSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { parseRunConfig } from '../../domain/config.ts'
import { configError } from '../../domain/errors.ts'
import { map3, type Vec3 } from '../../domain/geometry.ts'
import { say, type JsonOption } from '../report.ts'

export interface ImportOptions extends JsonOption {
  readonly dataset: string
  readonly voxelSize?: string
  readonly out?: string
}

/** Chunks and blocks of 64: the smallest that fit. */
const EDGE = 64

/** The default unless the volume is thinner. */
export const fitting = (extent: Vec3, most: Vec3): Vec3 =>
  map3(a => Math.min(most[a], EDGE * Math.max(1, Math.ceil(extent[a] / EDGE))))

/** @throws HillockError ConfigError where it is there already */
export function fileFor(o: ImportOptions): string {
  const file = o.out ?? `${o.dataset}.yaml`
  if (existsSync(file)) throw configError(`${file} exists; name another file with --out`)
  return file
}

/** @param found in words @param more for programs, beside the file */
export function writeRunFile(
  o: ImportOptions,
  [address, file]: readonly [address: string, file: string],
  tree: object,
  found: readonly string[],
  more: object,
): void {
  parseRunConfig(tree, file)
  const above = [address, ...found].map(l => `# ${l}\n`).join('')
  writeFileSync(file, above + stringify(tree, { collectionStyle: 'any' }))
  say(o, { file, ...more }, [...found, `dataset ${o.dataset}: ${file}; start it with ./hillock run ${file}`])
}
