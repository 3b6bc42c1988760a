// Tiles that are files by themselves, listed in the run file or in a layout.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { layoutBounds, TileEntry } from '../../domain/config.ts'
import { HillockError } from '../../domain/errors.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { stampOf } from '../../storage/stamp.ts'
import { namedFile } from './named-file.ts'
import type { TileSource } from './source.ts'

/** Files that are looked at side by side. */
const LOOKS = 32

export function fileSource(source: { tiles: readonly TileEntry[] } | { layout: string }): TileSource {
  return {
    async survey() {
      const tiles = 'tiles' in source ? source.tiles : await readLayout(source.layout)
      return { bounds: layoutBounds(tiles), tiles }
    },
    whole: async () => null,
    identity: tiles => mapBounded(tiles, LOOKS, t => stampOf(t.file)),
    async bytes({ file }) {
      try {
        return await readFile(file)
      } catch (e) {
        throw new HillockError(
          'BadTileError',
          `missing: cannot read ${file} (${(e as NodeJS.ErrnoException).code ?? 'error'})`,
        )
      }
    },
  }
}

async function readLayout(layout: string): Promise<TileEntry[]> {
  const text = (await namedFile('source.layout', layout)).toString()
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (e) {
    throw new HillockError('ConfigError', `source.layout: ${layout} is not JSON: ${(e as Error).message}`)
  }
  const parsed = z.array(TileEntry).min(1).safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new HillockError('ConfigError', `${layout}: ${issue.path.join('.')}: ${issue.message}`)
  }
  return parsed.data.map(t => ({ ...t, file: resolve(dirname(layout), t.file) }))
}
