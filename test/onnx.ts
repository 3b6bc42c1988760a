// Small ONNX models written by hand (protobuf), and folders of models as a run file names them: card.json and model.onnx.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const varint = (n: number): Buffer => {
  const out: number[] = []
  do {
    out.push((n & 127) | (n > 127 ? 128 : 0))
    n >>>= 7
  } while (n > 0)
  return Buffer.from(out)
}
const field = (n: number, x: Buffer | string): Buffer =>
  Buffer.concat([varint((n << 3) | 2), varint(Buffer.from(x as string).length), Buffer.from(x as string)])
const number = (n: number, x: number): Buffer => Buffer.concat([varint(n << 3), varint(x)])
const UINT8 = 2
const FLOAT = 1

const value = (name: string, dims: (string | number)[], type: number): Buffer => {
  const shape = dims.map(d => field(1, typeof d === 'string' ? field(2, d) : number(1, d)))
  return Buffer.concat([
    field(1, name),
    field(2, field(1, Buffer.concat([number(1, type), field(2, Buffer.concat(shape))]))),
  ])
}
const node = (op: string, inputs: string[], output: string, ...attributes: Buffer[]): Buffer =>
  field(
    1,
    Buffer.concat([
      ...inputs.map(i => field(1, i)),
      field(2, output),
      field(4, op),
      ...attributes.map(a => field(5, a)),
    ]),
  )
const attribute = (name: string, n: number): Buffer => Buffer.concat([field(1, name), number(3, n), number(20, 2)])
const ints = (name: string, values: number[]): Buffer =>
  Buffer.concat([field(1, name), ...values.map(n => number(8, n)), number(20, 7)])
/** A tensor of one uint8 per `raw`. */
const constant = (name: string, raw: number): Buffer =>
  field(5, Buffer.concat([number(2, UINT8), field(8, name), field(9, Buffer.from([raw]))]))
const model = (parts: Buffer[], channels: number, type = UINT8, graph = 'g'): Buffer =>
  Buffer.concat([
    number(1, 8),
    field(
      7,
      Buffer.concat([
        ...parts,
        field(2, graph),
        field(11, value('em', [1, 1, 'z', 'y', 'x'], UINT8)),
        field(12, value('affinity', [1, channels, 'z2', 'y2', 'x2'], type)),
      ]),
    ),
    field(8, Buffer.concat([field(1, ''), number(2, 14)])),
  ])
const channels = (n: number, from: string): Buffer =>
  node('Concat', Array(n).fill(from), 'affinity', attribute('axis', 1))

export const onnx = {
  /** Nine channels of the size of the input. */
  right: () => model([channels(9, 'em')], 9),
  /** Each channel is what comes in; `graph` is a name that changes nothing but the bytes. */
  oneChannel: (graph = 'g') => model([node('Identity', ['em'], 'affinity')], 1, UINT8, graph),
  twoChannels: (graph = 'g') => model([channels(2, 'em')], 2, UINT8, graph),
  /** z and x are exchanged. */
  turned: () => model([node('Transpose', ['em'], 't', ints('perm', [0, 1, 4, 3, 2])), channels(9, 't')], 9),
  /** The highest value within two voxels, of all voxels or of those that have two beside them. */
  highest: (cropped: boolean) =>
    model(
      [
        node(
          'MaxPool',
          ['em'],
          'm',
          ints('kernel_shape', [5, 5, 5]),
          ...(cropped ? [] : [ints('pads', Array<number>(6).fill(2))]),
        ),
        channels(9, 'm'),
      ],
      9,
    ),
  floats: () => model([node('Cast', ['em'], 'f', attribute('to', FLOAT)), channels(9, 'f')], 9, FLOAT),
  /** 0 or 1. */
  dim: () => model([constant('k', 200), node('Div', ['em', 'k'], 'd'), channels(9, 'd')], 9),
  /** 0 everywhere. */
  dead: () => model([node('Sub', ['em', 'em'], 'd'), channels(9, 'd')], 9),
  /** Names an operator that does not exist. */
  unknown: () => model([node('NoSuchOperator', ['em'], 'affinity')], 9),
  /** One of its tensors lies in another file. */
  elsewhere: () =>
    model(
      [
        field(
          5,
          Buffer.concat([
            number(1, 1),
            number(2, UINT8),
            field(8, 'w'),
            field(13, Buffer.concat([field(1, 'location'), field(2, 'model.onnx.data')])),
            number(14, 1),
          ]),
        ),
        node('Add', ['em', 'w'], 'd'),
        channels(9, 'd'),
      ],
      9,
    ),
  none: () => Buffer.from('this is no onnx model'),
}

export type Card = Record<string, any>

/** A folder like that of the bundled model, with other bytes; `change` changes the card. */
export function modelFolder(folder: string, bytes: Buffer, change: (card: Card) => void = () => {}): string {
  mkdirSync(folder, { recursive: true })
  const card = JSON.parse(readFileSync('models/fib-affinity/card.json', 'utf8')) as Card
  card['file'] = 'model.onnx'
  card['sha256'] = createHash('sha256').update(bytes).digest('hex')
  change(card)
  writeFileSync(join(folder, 'model.onnx'), bytes)
  writeFileSync(join(folder, 'card.json'), JSON.stringify(card))
  return folder
}
