// Rows as an Arrow stream, a record batch for each batch of them.
import {
  Bool,
  Field,
  Float64,
  Int64,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Uint64,
  Utf8,
  makeData,
  vectorFromArray,
  type DataType,
} from 'apache-arrow'
import type { ColumnType, Rows } from './duckdb.ts'

const ARROW: Readonly<Record<ColumnType, () => DataType>> = {
  id: () => new Uint64(),
  integer: () => new Int64(),
  number: () => new Float64(),
  boolean: () => new Bool(),
  text: () => new Utf8(),
}

/** Keeps what it writes until it is taken. */
class BatchWriter extends RecordBatchStreamWriter {
  readonly #parts: Uint8Array[] = []
  protected override _write(chunk: ArrayBufferView): this {
    const { buffer, byteOffset, byteLength } = chunk
    if (byteLength > 0) this.#parts.push(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength).slice())
    this._position += byteLength
    return this
  }
  take(): Uint8Array {
    return Buffer.concat(this.#parts.splice(0))
  }
}

export async function* arrow({ columns, batches }: Rows): AsyncGenerator<Uint8Array> {
  const schema = new Schema(columns.map(c => new Field(c.name, ARROW[c.type](), true)))
  const writer = new BatchWriter()
  writer.reset(undefined, schema)
  for await (const batch of batches) {
    const children = columns.map(({ type }, i) => {
      const cells = type === 'integer' ? batch[i]!.map(v => (v === null ? null : BigInt(v as number))) : batch[i]!
      return vectorFromArray(cells, ARROW[type]()).data[0]!
    })
    const data = makeData({ type: new Struct(schema.fields), length: batch[0]!.length, nullCount: 0, children })
    writer.write(new RecordBatch(schema, data))
    yield writer.take()
  }
  writer.finish()
  yield writer.take()
}
