// Rows as a Parquet file, a row group at a time.
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { SchemaElement } from 'hyparquet'
import type { Cell, Column, ColumnType, Rows } from './duckdb.ts'

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

export async function* parquet({ columns, batches }: Rows): AsyncGenerator<Uint8Array> {
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
