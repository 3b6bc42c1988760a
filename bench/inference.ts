// `node bench/inference.ts [128,128,64] [models/fib-affinity]`: a block of FIB-25 and its halo through an inference process, beside bare ONNX Runtime, as CPU rates.
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Deps } from '../activities/context.ts'
import { readModel, request } from '../activities/model.ts'
import { boxAt, map3, product, type Vec3 } from '../domain/geometry.ts'
import { inferenceHost } from '../worker/inference.ts'
import { crop } from '../worker/onnx/flips.ts'
import { fib25 } from './common/fib25.ts'
import { table } from './common/print.ts'

const TURNS = 5
const [, , given, folder = 'models/fib-affinity'] = process.argv
const block = given ? (given.split(',').map(Number) as unknown as Vec3) : ([128, 128, 64] as const)
const model = await readModel(folder, [10, 10, 10])
const { file } = model
const halo = model.halo ?? 24
const shape = map3(a => block[a] + 2 * halo)
const em = fib25([2, 2, 2])
const data = crop(em.em, em.shape, boxAt([0, 0, 0], shape), 1)

/** CPU seconds that a process has taken, all its threads. */
function spent(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!

if (process.send) {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 })
  const dims = [1, 1, shape[2], shape[1], shape[0]]
  process.on(
    'message',
    () => void session.run({ em: new Tensor('uint8', data, dims) }).then(() => process.send!('done')),
  )
  process.send('ready')
} else {
  process.env['HILLOCK_ONNX_THREADS'] = '1'
  const bare = fork(import.meta.filename, process.argv.slice(2))
  const answer = (): Promise<unknown> => new Promise(done => bare.once('message', done))
  await answer()
  const host = inferenceHost()
  const core = boxAt([halo, halo, halo], block)
  const asked = { ...request({} as Deps, model, data, shape, core), model: file }
  const turns: Record<string, [pids: () => number[], run: () => Promise<unknown>]> = {
    'ONNX Runtime': [() => [bare.pid!], () => (bare.send('go'), answer())],
    // What the worker itself spends on it counts too.
    Hillock: [() => [host.pid()!, process.pid], () => host.infer(asked)],
  }
  const rates: Record<string, number[]> = {}
  // One after the other: a process of ours that has nothing to do for half a minute is ended.
  for (const [name, [pids, run]] of Object.entries(turns)) {
    // Loads the model.
    await run()
    const sum = (): number => pids().reduce((s, pid) => s + spent(pid), 0)
    for (let turn = 0; turn < TURNS; turn++) {
      const before = sum()
      await run()
      ;(rates[name] ??= []).push(product(shape) / 1e6 / (sum() - before))
    }
  }
  bare.kill()
  host.close()
  const [theirs, ours] = ['ONNX Runtime', 'Hillock'].map(name => median(rates[name]!)) as [number, number]
  const kept = product(shape) / product(block)
  const { multiplyAdds: adds } = JSON.parse(readFileSync(`${folder}/card.json`, 'utf8')) as {
    multiplyAdds?: { block: number; withoutHalo: number }
  }
  console.log(
    table(
      [`block ${block.join(' x ')}, halo ${halo}`, 'Hillock', 'ONNX Runtime', 'ratio'],
      [
        ['Mvoxel computed per CPU second', ours.toFixed(2), theirs.toFixed(2), (ours / theirs).toFixed(2)],
        ['voxels computed for each that is kept', kept.toFixed(2), '', ''],
        ...(adds
          ? [
              [
                'multiply-adds, block of 256 x 256 x 128 beside no halo',
                (adds.block / adds.withoutHalo).toFixed(2),
                '',
                '',
              ],
            ]
          : []),
      ],
    ),
  )
}
