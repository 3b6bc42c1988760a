// A model is held against its card and tried on a block before anything starts: what is wrong with it is said at once.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Deps } from '../../activities/context.ts'
import { archiveModel, modelInUse, request, tryModel } from '../../activities/model.ts'
import { fileStore } from '../../storage/file-store.ts'
import { getRaw } from '../../storage/raw.ts'
import { inferenceHost } from '../../worker/inference.ts'
import { modelFolder, onnx, type Card } from '../onnx.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-models-'))
const host = inferenceHost()
afterAll(() => {
  host.close()
  rmSync(folder, { recursive: true, force: true })
})
const objects = fileStore(join(folder, 'bucket'))
const deps = { objects, infer: host.infer, runtime: { onnxruntime: 'x', cpu: 'y' } } as unknown as Deps
let n = 0
const made = (bytes: Buffer, change?: (card: Card) => void): string =>
  modelFolder(join(folder, `m${n++}`), bytes, change)
const open = (at: string, nm: [number, number, number] = [10, 10, 10]) => archiveModel(deps, at, nm)
const refused = (message: string | RegExp): object => ({
  type: 'ModelMismatch',
  message: expect.stringMatching(message) as string,
})

describe('the card', () => {
  test.each<[string, (card: Card) => void, RegExp]>([
    ['another digest', c => (c['sha256'] = '0'.repeat(64)), /its card says 0000/],
    ['a file that is not there', c => (c['file'] = 'gone.onnx'), /gone\.onnx is missing/],
    ['fewer channels than offsets', c => (c['output'].channels = 8), /output\.channels is 8, but offsetsZYX lists 9/],
    ['other neighbours first', c => c['offsetsZYX'].reverse(), /nearest z, y, x/],
    ['an offset twice', c => (c['offsetsZYX'][8] = [-3, 0, 0]), /twice/],
    ['another voxel size', c => (c['voxelSizeRangeNm'] = [1, 2]), /voxelSizeNm 10 x 10 x 10 lies outside/],
    ['a range from high to low', c => (c['voxelSizeRangeNm'] = [12, 8]), /voxelSizeRangeNm/],
    ['another output type', c => (c['output'].type = 'float32'), /output\.type/],
    ['other axes', c => c['input'].axes.reverse(), /input\.axes/],
    ['an output cropped as far as its halo', c => (c['output'].cropped = 24), /output\.cropped: it must be less than/],
    ['a halo that no memory holds', c => (c['halo'] = { recommended: 100_000 }), /halo\.recommended: Too big/],
    ['no padding', c => (c['input'].spatialMultipleOf = 0), /spatialMultipleOf/],
  ])('with %s is refused', async (_, change, message) => {
    await expect(open(made(onnx.right(), change))).rejects.toMatchObject(refused(message))
  })

  const forSynapses = (change: (card: Card) => void = () => {}): string =>
    made(onnx.twoChannels(), c => {
      c['output'].channels = 2
      delete c['offsetsZYX']
      change(c)
    })
  const openAs = (role: string, at: string) => archiveModel(deps, at, [10, 10, 10], role)

  test('of another role needs no offsets, but as many channels as are read, a halo and a licence', async () => {
    const model = await openAs('synapse', forSynapses())
    expect(model).toMatchObject({ channels: 2, halo: 24, multipleOf: 8 })
    await expect(open(forSynapses())).rejects.toMatchObject(refused(/output\.channels/))
    for (const [key, change] of [
      ['output.channels', (c: Card) => (c['output'].channels = 1)],
      ['halo', (c: Card) => delete c['halo']],
      ['halo.recommended', (c: Card) => (c['halo'] = { exact: 4, recommended: 8 })],
      ['licence', (c: Card) => delete c['licence']],
      ['input.scaling', (c: Card) => (c['input'].scaling = 255)],
    ] as const)
      await expect(openAs('synapse', forSynapses(change))).rejects.toMatchObject(refused(`card.json: ${key}`))
  })

  test('that is cut, absent or a pipe is refused by its name', async () => {
    const at = made(onnx.right())
    writeFileSync(join(at, 'card.json'), '{"name": "x",')
    await expect(open(at)).rejects.toMatchObject(refused('card.json is not JSON'))
    rmSync(join(at, 'card.json'))
    await expect(open(at)).rejects.toMatchObject(refused('card.json is missing'))
    execFileSync('mkfifo', [join(at, 'card.json')])
    await expect(open(at)).rejects.toMatchObject(refused('card.json is a named pipe'))
    await expect(open(join(folder, 'nowhere'))).rejects.toMatchObject(refused('card.json is missing'))
  })

  test('may give a range of voxel sizes for each axis', async () => {
    const at = made(onnx.right(), c => {
      c['voxelSizeNm'] = [4, 4, 40]
      c['voxelSizeRangeNm'] = [
        [3, 5],
        [3, 5],
        [30, 50],
      ]
    })
    await expect(open(at, [4, 4, 40])).resolves.toMatchObject({ channels: 9 })
    await expect(open(at, [4, 4, 8])).rejects.toMatchObject(refused('30 to 50 nm along z'))
  })

  test('of weights in another file is refused by the name of that file', async () => {
    await expect(open(made(onnx.elsewhere()))).rejects.toMatchObject(refused(/another file \(model\.onnx\.data\)/))
  })
})

describe('the model', () => {
  test('is archived, so that its folder does not matter any more', async () => {
    const at = made(onnx.right())
    const model = await open(at)
    rmSync(at, { recursive: true })
    expect((await getRaw(objects, model.digest)).length).toBe(onnx.right().length)
    const sample = await tryModel(deps, model)
    await modelInUse(deps, { ...model, sample })
    await expect(modelInUse(deps, { ...model, sample: '0'.repeat(64) })).rejects.toMatchObject(refused('must be alike'))
  })

  test.each<[string, () => Buffer, RegExp]>([
    ['no ONNX', onnx.none, /m\d+: it does not load/],
    ['of unknown operators', onnx.unknown, /it does not load/],
    ['of one channel', onnx.oneChannel, /it gives uint8 1 x 1 x 48 x 40 x 32, by its card uint8 1 x 9 x 48 x 40 x 32/],
    ['of exchanged axes', onnx.turned, /it gives uint8 1 x 9 x 32 x 40 x 48/],
    ['of floats', onnx.floats, /it gives float32/],
    ['of another range', onnx.dim, /goes from 0 to 1/],
    ['of one value', onnx.dead, /gives 0 everywhere/],
  ])('%s is refused', async (_, bytes, message) => {
    const model = await open(made(bytes()))
    await expect(tryModel(deps, model)).rejects.toMatchObject(refused(message))
  })

  test('that gives less than it gets is run on as much more', async () => {
    const at = made(onnx.highest(true), c => (c['output'].cropped = 2))
    const model = await open(at)
    expect(model).toMatchObject({ halo: 24, cropped: 2 })
    await tryModel(deps, model)
    await expect(tryModel(deps, { ...model, cropped: 3 })).rejects.toMatchObject(
      refused(/it gives uint8 1 x 9 x 92 x 84 x 76, by its card uint8 1 x 9 x 90 x 82 x 74/),
    )
  })

  test('that gives less than it gets is tried anew with another halo: it sees another sample', async () => {
    const seen: (string | undefined)[] = []
    const infer: Deps['infer'] = async request => {
      seen.push(JSON.stringify(request.cropped))
      return Uint8Array.of(1, seen.length + 1)
    }
    const model = { name: 'm', digest: 'e'.repeat(64), multipleOf: 8, channels: 9, cropped: 2 }
    for (const halo of [24, 40, 24]) await tryModel({ ...deps, infer }, { ...model, halo })
    expect(seen).toEqual([24, 40].map(halo => JSON.stringify({ cropped: 2, halo })))
  })

  test('that is lost with its process is sent again', async () => {
    const model = await open(made(onnx.right()))
    const shape = [8, 8, 8] as const
    const em = Uint8Array.from({ length: 512 }, (_, i) => i & 127)
    const asked = request(deps, model, em, shape, { min: [0, 0, 0], max: shape })
    expect((await host.infer(asked)).subarray(512, 1024)).toEqual(em)
    process.kill(host.pid()!, 'SIGKILL')
    const again = await host.infer(asked).catch(() => host.infer(asked))
    expect(again.subarray(1024)).toEqual(em)
  })
})
