// Tables as Parquet: required columns of numbers, uint64 ids or strings; equal tables give equal bytes.
import { constants, zstdCompressSync } from 'node:zlib'
import { parquetMetadata, parquetRead, type ColumnChunk, type SchemaElement, type Statistics } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { writeColumn } from 'hyparquet-writer/src/column.js'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { unzstd } from './unpack.ts'

type Numbers = BigUint64Array | Float64Array | Float32Array | Uint32Array

export interface ParquetColumn {
  readonly name: string
  readonly data: Numbers | string[]
}

/** Rows per row group: what a reader that looks for one segment in a sorted table has to read at least. */
const GROUP = 65_536

/** By zstd, natively: Snappy of hyparquet-writer is JavaScript. */
const compressors = {
  ZSTD: (bytes: Uint8Array): Uint8Array =>
    zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
}

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
  const root: SchemaElement = { name: 'table', num_children: columns.length }
  const elements = columns.map(elementOf)
  const file = new ParquetWriter({ writer, schema: [root, ...elements], createdBy: 'hillock' })
  for (let from = 0; from < rows; from += GROUP) {
    const start = writer.offset
    const chunks = columns.map(({ data }, i) =>
      Array.isArray(data)
        ? strings(writer, root, elements[i]!, data.slice(from, from + GROUP))
        : numbers(writer, elements[i]!, data.subarray(from, from + GROUP)),
    )
    const num_rows = BigInt(Math.min(GROUP, rows - from))
    file.num_rows += num_rows
    file.row_groups.push({
      columns: chunks,
      total_byte_size: chunks.reduce((n, c) => n + c.meta_data!.total_uncompressed_size, 0n),
      num_rows,
      total_compressed_size: BigInt(writer.offset - start),
    })
  }
  // Into memory it writes at once: the promise is for writers that wait.
  void file.finish()
  return new Uint8Array(writer.getBuffer())
}

const strings = (writer: ByteWriter, root: SchemaElement, element: SchemaElement, values: string[]): ColumnChunk =>
  writeColumn({
    writer,
    column: {
      columnName: element.name,
      element,
      schemaPath: [root, element],
      codec: 'ZSTD',
      compressors,
      stats: true,
      // One page.
      pageSize: 0,
      columnIndex: false,
      offsetIndex: false,
    },
    pageData: { values, definitionLevels: [], repetitionLevels: [], maxDefinitionLevel: 0 },
  }).chunk

/** One page, as the numbers lie in memory; hyparquet-writer would go through them one by one, several times. */
function numbers(writer: ByteWriter, { name, type }: SchemaElement, data: Numbers): ColumnChunk {
  const plain = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const packed = compressors.ZSTD(plain)
  const start = writer.offset
  writePageHeader(writer, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: plain.length,
    compressed_page_size: packed.length,
    data_page_header_v2: {
      num_values: data.length,
      num_nulls: 0,
      num_rows: data.length,
      encoding: 'PLAIN',
      definition_levels_byte_length: 0,
      repetition_levels_byte_length: 0,
      is_compressed: true,
    },
  })
  const head = writer.offset - start
  writer.appendBytes(packed)
  return {
    file_offset: BigInt(start),
    meta_data: {
      type: type!,
      encodings: ['PLAIN'],
      path_in_schema: [name],
      codec: 'ZSTD',
      num_values: BigInt(data.length),
      total_uncompressed_size: BigInt(head + plain.length),
      total_compressed_size: BigInt(head + packed.length),
      data_page_offset: BigInt(start),
      statistics: { null_count: 0n, ...(data instanceof BigUint64Array ? boundsOfIds(data) : boundsOf(data)) },
    },
  }
}

/** What readers pass row groups over by. */
type Bounds = Pick<Statistics, 'min_value' | 'max_value'>

function boundsOfIds(ids: BigUint64Array): Bounds {
  let [min, max] = [ids[0]!, ids[0]!]
  for (let i = 1; i < ids.length; i++) {
    const id = ids[i]!
    if (id < min) min = id
    if (id > max) max = id
  }
  return { min_value: min, max_value: max }
}

/** None where all are NaN, which has no place in the order. Zeros of both signs are equal: -0 and 0 bound them (Parquet's ColumnOrder). */
function boundsOf(values: Exclude<Numbers, BigUint64Array>): Bounds {
  let [min, max] = [Infinity, -Infinity]
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!
    if (v < min) min = v
    if (v > max) max = v
  }
  return min > max ? {} : { min_value: min === 0 ? -0 : min, max_value: max === 0 ? 0 : max }
}

function emptyOf(e: SchemaElement, rows: number): ParquetColumn['data'] {
  if (e.converted_type === 'UINT_64') return new BigUint64Array(rows)
  if (e.converted_type === 'UINT_32') return new Uint32Array(rows)
  if (e.type === 'DOUBLE') return new Float64Array(rows)
  if (e.type === 'FLOAT') return new Float32Array(rows)
  return Array.from({ length: rows }, () => '')
}

/** All columns of a table that `writeParquet` wrote, also before, by Snappy. @throws Error when the bytes are not Parquet. */
export async function readParquet(bytes: Uint8Array): Promise<ParquetColumn[]> {
  const file = new Uint8Array(bytes).buffer
  const metadata = parquetMetadata(file)
  const rows = Number(metadata.num_rows)
  const columns = metadata.schema.slice(1).map(e => ({ name: e.name, data: emptyOf(e, rows) }))
  const byName = new Map(columns.map(c => [c.name, c.data]))
  await parquetRead({
    file,
    metadata,
    compressors: { ZSTD: unzstd },
    onChunk({ columnName, columnData, rowStart }) {
      const to = byName.get(columnName)! as { [row: number]: unknown }
      if (ArrayBuffer.isView(columnData)) (to as unknown as Float64Array).set(columnData as Float64Array, rowStart)
      else for (let i = 0; i < columnData.length; i++) to[rowStart + i] = columnData[i]
    },
  })
  return columns
}
