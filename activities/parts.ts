// Work over the blocks of a region that can be interrupted: a retry makes only what is left, a block that fails costs its own attempts only.
import { Context, log } from '@temporalio/activity'
import { HillockError, isHillockError, isLocal } from '../domain/errors.ts'
import { cellBox, cellsIn, key, map3, type Box, type Vec3 } from '../domain/geometry.ts'
import type { Hole } from '../domain/release.ts'
import { stages, type StageName } from '../domain/stages.ts'
import { CHUNK } from '../storage/formats/volume.ts'
import { failuresBefore, ownFailures } from './attempts.ts'
import { fault } from '../demo/faults.ts'
import { finishedParts, progress } from './meter.ts'
import type { Outputs } from './produce.ts'

export interface Block {
  readonly coord: Vec3
  readonly box: Box
}

/** The smallest piece of a region that is whole blocks and whole chunks: what can be put before the region is done. */
export interface Part {
  readonly box: Box
  readonly blocks: readonly Block[]
}

const common = (a: number, b: number): number => (b === 0 ? a : common(b, a % b))

export function partsOf(region: Box, block: Vec3, bounds: Box): Part[] {
  const shape = map3(a => (block[a] * CHUNK[a]) / common(block[a], CHUNK[a]))
  return cellsIn(region, shape).map(part => {
    const box = cellBox(part, shape, region)
    return { box, blocks: cellsIn(box, block).map(coord => ({ coord, box: cellBox(coord, block, bounds) })) }
  })
}

/** What is done with each part; `V` is the volume that its blocks are written into. */
export interface PartWork<V> {
  begin(part: Part): V
  /** Makes one block; returns what is counted in it. */
  make(block: Block, volume: V, part: Part): Promise<number>
  /** The same work on an even block: where that fails as well, no block is at fault. */
  control(block: Block): Promise<unknown>
  /** Paths that `put` puts. */
  paths(part: Part): readonly string[]
  put(part: Part, volume: V): Promise<void>
}

/**
 * Makes every part that no earlier attempt has finished. The blocks that fail do not keep the others from being made; one that
 * still fails on the last attempt of the activity is a hole.
 * @throws HillockError ComputeLost where no block is at fault; what the first block failed with, if another attempt follows
 */
export async function eachPart<V>(
  stage: StageName,
  parts: readonly Part[],
  outputs: Outputs,
  work: PartWork<V>,
): Promise<{ holes: Hole[]; count: number }> {
  const { info, cancellationSignal } = Context.current()
  const last = ownFailures(failuresBefore(info)) + 1 >= stages[stage].retry.attempts
  const finished = finishedParts()
  const blocks = parts.reduce((n, p) => n + p.blocks.length, 0)
  const holes: Hole[] = []
  /** Parts with holes: put when all others are, for an attempt after this one may make them whole. */
  const holed: { part: Part; volume: V }[] = []
  const writing: Promise<unknown>[] = []
  let failure: unknown
  let count = 0
  let done = 0
  for (const part of parts) {
    const name = key(part.box.min)
    const before = finished[name]
    if (before && (await outputs.takeOver(work.paths(part), before.digest))) {
      count += before.count
      progress((done += part.blocks.length), blocks)
      continue
    }
    delete finished[name]
    const volume = work.begin(part)
    let counted = 0
    let whole = true
    for (const block of part.blocks) {
      try {
        fault('before', ` block ${key(block.coord)}`)
        counted += await work.make(block, volume, part)
      } catch (e) {
        // What is wrong with the run as a whole is no fault of the block, and a cancelled block has not failed.
        if ((isHillockError(e) && !isLocal(e.type)) || cancellationSignal.aborted) throw e
        const what = `block ${key(block.coord)}`
        await provedAtFault(stage, what, () => work.control(block))
        holes.push({ stage, what, reason: e instanceof Error ? e.message : String(e) })
        failure ??= e
        whole = false
      }
      progress(++done, blocks)
    }
    count += counted
    if (!whole) {
      if (last) holed.push({ part, volume })
      continue
    }
    await work.put(part, volume)
    writing.push(
      outputs.written(work.paths(part)).then(
        digest => (finished[name] = { digest, count: counted }),
        // `put` says so the next time.
        () => {},
      ),
    )
  }
  await Promise.all(writing)
  if (holes.length > 0) log.warn(last ? 'blocks set aside' : 'blocks failed', { stage, holes })
  if (holes.length > 0 && !last) throw failure
  for (const { part, volume } of holed) await work.put(part, volume)
  return { holes, count }
}

async function provedAtFault(stage: StageName, what: string, control: () => Promise<unknown>): Promise<void> {
  await control().catch((any: Error) => {
    if (isHillockError(any) && any.type !== 'ComputeLost') throw any
    const why = `${stage} fails on an even block of the same shape too, so that ${what} is not at fault: ${any.message}`
    throw new HillockError('ComputeLost', why, { everywhere: 1 })
  })
}
