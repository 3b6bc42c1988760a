// `hillock phantom FILE --out FOLDER`: tiles, layout and ground truth of a synthetic specimen as plain files.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync, zstdDecompressSync } from 'node:zlib'
import type { TileEntry } from '../domain/run-file/source.ts'
import { configError } from '../domain/errors.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { writeNpy } from '../storage/formats/npy.ts'
import type { specimen } from '../workflows/specimen.ts'
import { bucket } from '../client/catalogue.ts'
import { call, onStack } from '../client/call.ts'
import { onceName, slugOf } from '../client/names.ts'
import { readRunFile } from '../client/run-file.ts'
import type { RunOptions } from '../client/commands/run.ts'

export async function phantom(file: string, o: RunOptions & { out: string }): Promise<void> {
  const config = readRunFile(file, o.set)
  if (!('phantom' in config.source)) throw configError(`${file}: source: not a phantom, so there is nothing to write`)
  const { size } = config.source.phantom
  const { dataset } = config
  const { client } = await onStack()
  const run = o.name === undefined ? onceName(new Date()) : slugOf('--name', o.name)
  const id = `specimen/${dataset}/${run}`
  const slabs = await call<typeof specimen>(client, 'specimen', id, [{ dataset, run, config }], { dataset })
  const artifacts = artifactStore(bucket())
  const layout: TileEntry[] = []
  const labels = new Uint32Array(size[0] * size[1] * size[2])
  for (const { first, ref } of slabs) {
    const reader = await artifacts.open(ref)
    layout.push(...(JSON.parse(Buffer.from(await reader.get('layout.json')).toString()) as TileEntry[]))
    for (const { path } of reader.outputs.filter(x => x.path.startsWith('tiles/'))) {
      mkdirSync(dirname(join(o.out, path)), { recursive: true })
      writeFileSync(join(o.out, path), await reader.get(path))
    }
    const slab = zstdDecompressSync(await reader.get('labels.u32.zst'))
    labels.set(new Uint32Array(slab.buffer, slab.byteOffset, slab.byteLength / 4), first * size[0] * size[1])
    writeFileSync(join(o.out, 'truth.json'), await reader.get('truth.json'))
  }
  writeFileSync(join(o.out, 'layout.json'), JSON.stringify(layout, null, 1))
  writeFileSync(join(o.out, 'labels.npy.gz'), gzipSync(writeNpy(labels, [size[2], size[1], size[0]])))
  const files = {
    layout: join(o.out, 'layout.json'),
    truth: join(o.out, 'truth.json'),
    labels: join(o.out, 'labels.npy.gz'),
    tiles: layout.length,
  }
  if (o.json) console.log(JSON.stringify(files))
  else
    console.log(
      `${layout.length} tiles of ${size.join(' x ')} voxels in ${o.out}: layout.json, truth.json, labels.npy.gz, tiles/`,
    )
}
