// Tables as Parquet: required columns of numbers, uint64 ids or strings; equal tables give equal bytes.
import { parquetMetadata, parquetRead, type SchemaElement } from 'hyparquet'
import { ByteWriter, parquetWrite } from 'hyparquet-writer'

export interface ParquetColumn {
  readonly name: string
  readonly data: BigUint64Array | Float64Array | Float32Array | Uint32Array | string[]
}

/** Rows per row group: what a reader that looks for one segment in a sorted table has to read at least. */
const GROUP = 65_536

function elementOf({ name, data }: ParquetColumn): SchemaElement {
  const required = { name, repetition_type: 'REQUIRED' } as const
  if (data instanceof BigUint64Array) return { ...required, type: 'INT64', converted_type: 'UINT_64' }
  if (data instanceof Uint32Array) return { ...required, type: 'INT32', converted_type: 'UINT_32' }
  if (data instanceof Float64Array) return { ...required, type: 'DOUBLE' }
  if (data instanceof Float32Array) return { ...required, type: 'FLOAT' }
  return { ...required, type: 'BYTE_ARRAY', converted_type: 'UTF8' }
}

/** Columns by name, in their order. */
export const columnsOf = (columns: Readonly<Record<string, ParquetColumn['data']>>): ParquetColumn[] =>
  Object.entries(columns).map(([name, data]) => ({ name, data }))

/** @throws RangeError when the columns differ in length. */
export function writeParquet(columns: readonly ParquetColumn[]): Uint8Array<ArrayBuffer> {
  const rows = columns[0]?.data.length ?? 0
  for (const c of columns)
    if (c.data.length !== rows) throw new RangeError(`column ${c.name} has ${c.data.length} rows instead of ${rows}`)
  const writer = new ByteWriter()
  // Into memory it writes at once: the promise is for writers that wait.
  void parquetWrite({
    writer,
    // The writer takes uint32 above 2^31 only from a plain array.
    columnData: columns.map(c => ({ name: c.name, data: c.data instanceof Uint32Array ? Array.from(c.data) : c.data })),
    schema: [{ name: 'table', num_children: columns.length }, ...columns.map(elementOf)],
    rowGroupSize: GROUP,
    createdBy: 'hillock',
  })
  return new Uint8Array(writer.getBuffer())
}

function emptyOf(e: SchemaElement, rows: number): ParquetColumn['data'] {
  if (e.converted_type === 'UINT_64') return new BigUint64Array(rows)
  if (e.converted_type === 'UINT_32') return new Uint32Array(rows)
  if (e.type === 'DOUBLE') return new Float64Array(rows)
  if (e.type === 'FLOAT') return new Float32Array(rows)
  return Array.from({ length: rows }, () => '')
}

/** All columns of a table that `writeParquet` wrote. @throws Error when the bytes are not Parquet. */
export async function readParquet(bytes: Uint8Array): Promise<ParquetColumn[]> {
  const file = new Uint8Array(bytes).buffer
  const metadata = parquetMetadata(file)
  const rows = Number(metadata.num_rows)
  const columns = metadata.schema.slice(1).map(e => ({ name: e.name, data: emptyOf(e, rows) }))
  const byName = new Map(columns.map(c => [c.name, c.data]))
  await parquetRead({
    file,
    metadata,
    onChunk({ columnName, columnData, rowStart }) {
      const to = byName.get(columnName)! as { [row: number]: unknown }
      for (let i = 0; i < columnData.length; i++) to[rowStart + i] = columnData[i]
    },
  })
  return columns
}
