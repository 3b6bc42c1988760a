// A TIFF of several pages: every page becomes a section, archived as a TIFF of its own with its samples as they are.
import { configError, HillockError, isHillockError } from '../../domain/errors.ts'
import { decodePage } from '../../storage/formats/image.ts'
import { tiffPages, type TiffPage } from '../../storage/formats/tiff.ts'
import { sectionNodes, stackFault } from '../../storage/formats/tiff-stack.ts'
import { withInput, type Inputs } from '../../storage/foreign/inputs.ts'
import type { RunConfig } from '../../domain/config.ts'
import { cached } from '../../storage/cached.ts'
import { tooDeep } from './files.ts'
import type { TileSource } from './source.ts'

/** Where the pages of stacks lie, by what their files looked like. */
const stacks = new Map<unknown, Promise<TiffPage[]>>()
const KEPT = 4

export function tiffStack(file: string, { stages }: RunConfig, files: Inputs): TileSource {
  const bad = (why: string): HillockError => configError(`source.stack: ${file} ${why}`)
  let stamp: string | undefined
  const look = async (): Promise<string> => (stamp = await files.stamp(file))
  const pages = async (): Promise<TiffPage[]> =>
    cached(stacks, `${file} ${stamp ?? (await look())}`, KEPT, () =>
      tiffPages((at, n) => withInput(files, file, 'ConfigError', read => read(at, n))).then(
        sectionNodes,
        (e: unknown) => {
          throw isHillockError(e) ? e : bad(`is damaged: ${(e as Error).message}`)
        },
      ),
    )
  return {
    async survey() {
      const all = await pages()
      const fault = stackFault(all)
      if (fault) throw bad(fault)
      const first = all[0]!
      const { width, height, bits, signed } = first
      if ((bits > 8 || signed) && !stages.ingest.window) throw tooDeep(file)
      await decodePage(first, `page 0 of ${file}`, stages.ingest).catch((e: unknown) => {
        throw isHillockError(e, 'BadTileError') ? bad(e.message) : e
      })
      return {
        bounds: { min: [0, 0, 0], max: [width, height, all.length] },
        offset: [0, 0, 0],
        tiles: all.map((_, section) => ({ section, name: 'slice', file, x: 0, y: 0, width, height })),
      }
    },
    whole: look,
    identity: look,
    async bytes({ section }) {
      const page = (await pages())[section]
      if (!page) throw new HillockError('SourceChanged', `${file} has no page ${section} any more`)
      return page.bytes().catch((e: unknown) => {
        throw isHillockError(e)
          ? e
          : new HillockError('BadTileError', `page ${section} is damaged: ${(e as Error).message}`)
      })
    },
  }
}
