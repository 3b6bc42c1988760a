// Rows as what a reader accepts: JSON, an Arrow stream or a Parquet file, written batch by batch.
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
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { SchemaElement } from 'hyparquet'
import type { Cell, Column, ColumnType, Rows } from './duckdb.ts'

export type Format = 'json' | 'arrow' | 'parquet'

export const MEDIA: Readonly<Record<Format, string>> = {
  json: 'application/json',
  arrow: 'application/vnd.apache.arrow.stream',
  parquet: 'application/vnd.apache.parquet',
}

/** As it stands in JSON: ids as text, other integers too where a double does not hold them. */
export function jsonCell(cell: Cell, type: ColumnType): Exclude<Cell, bigint> {
  if (typeof cell === 'bigint')
    return type === 'id' || !Number.isSafeInteger(Number(cell)) ? String(cell) : Number(cell)
  return typeof cell === 'number' && !Number.isFinite(cell) ? null : cell
}

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

async function* arrow({ columns, batches }: Rows): AsyncGenerator<Uint8Array> {
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

const PARQUET: Readonly<Record<ColumnType, Pick<SchemaElement, 'type' | 'converted_type'>>> = {
  id: { type: 'INT64', converted_type: 'UINT_64' },
  integer: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
}

/** Rows of a row group. */
const GROUP = 32_768

/** Its bytes are taken while the file goes on. */
class PartWriter extends ByteWriter {
  take(): Uint8Array {
    const bytes = this.getBytes().slice()
    this.index = 0
    return bytes
  }
}

async function* parquet({ columns, batches }: Rows): AsyncGenerator<Uint8Array> {
  const part = new PartWriter()
  const schema: SchemaElement[] = [
    { name: 'table', num_children: columns.length },
    ...columns.map(({ name, type }) => ({ name, repetition_type: 'OPTIONAL' as const, ...PARQUET[type] })),
  ]
  const writer = new ParquetWriter({ writer: part, schema, createdBy: 'hillock' })
  let group: Cell[][] = columns.map(() => [])
  const write = (): Uint8Array => {
    const data = (cells: Cell[], { type }: Column): Cell[] =>
      type === 'integer' ? cells.map(v => (v === null ? null : BigInt(v as number))) : cells
    if (group[0]!.length > 0)
      void writer.write({
        columnData: columns.map((c, i) => ({ name: c.name, data: data(group[i]!, c) })),
        rowGroupSize: GROUP,
      })
    group = columns.map(() => [])
    return part.take()
  }
  for await (const batch of batches) {
    batch.forEach((cells, i) => group[i]!.push(...cells))
    if (group[0]!.length >= GROUP) yield write()
  }
  yield write()
  void writer.finish()
  yield part.take()
}

/** @param head what stands before the rows of JSON @param most rows of JSON; where there are more it says that it is not complete */
async function* json({ columns, batches }: Rows, head: object, most: number): AsyncGenerator<Uint8Array> {
  let text = `${JSON.stringify({ ...head, columns }).slice(0, -1)},"rows":[`
  let rows = 0
  let complete = true
  for await (const batch of batches) {
    const from = rows
    for (let i = 0; i < batch[0]!.length && rows < most; i++, rows++)
      text += `${rows > 0 ? ',' : ''}${JSON.stringify(Object.fromEntries(columns.map((c, j) => [c.name, jsonCell(batch[j]![i]!, c.type)])))}`
    complete = rows - from === batch[0]!.length
    yield Buffer.from(text)
    text = ''
    if (!complete) break
  }
  yield Buffer.from(`${text}],"complete":${complete}}`)
}

/** The bytes of an answer, made as they are taken. */
export const encode = (format: Format, rows: Rows, head: object, most = Infinity): AsyncGenerator<Uint8Array> =>
  format === 'json' ? json(rows, head, most) : format === 'arrow' ? arrow(rows) : parquet(rows)
