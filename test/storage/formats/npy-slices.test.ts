// Stacks in .npy files: slices by file offset, of both byte orders and layouts, packed or not; what is no stack is named.
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  ftruncateSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { openNpySlices } from '../../../storage/formats/npy-slices.ts'
import { writeNpy } from '../../../storage/formats/npy.ts'
import { readRegularFile } from '../../../storage/files/regular.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-npy-'))
afterAll(() => rmSync(folder, { recursive: true }))
const saved = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}
const [count, height, width] = [3, 4, 5]
const deep = Uint16Array.from({ length: count * height * width }, (_, i) => 300 * i)
const slice = (z: number): Uint16Array => deep.slice(z * height * width, (z + 1) * height * width)
const header = (bytes: Uint8Array, from: string, to: string): Uint8Array =>
  Buffer.from(Buffer.from(bytes).toString('latin1').replace(from, to), 'latin1')

test('slices of uint8 and uint16, little and big end first, C and Fortran order, packed or not', async () => {
  const plain = writeNpy(deep, [count, height, width])
  const swapped = writeNpy(
    Uint16Array.from(deep, v => ((v & 255) << 8) | (v >> 8)),
    [count, height, width],
  )
  const fortran = new Uint16Array(deep.length)
  for (let z = 0, i = 0; z < count; z++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) fortran[z + count * (y + height * x)] = deep[i]!
  for (const bytes of [
    plain,
    gzipSync(plain),
    header(swapped, '<u2', '>u2'),
    header(writeNpy(fortran, [count, height, width]), "'fortran_order': False", "'fortran_order': True "),
  ]) {
    const stack = await openNpySlices(saved('stack', bytes))
    expect([stack.width, stack.height, stack.count]).toEqual([width, height, count])
    for (const z of [2, 0, 1]) expect(await stack.slice(z)).toEqual(slice(z))
    await stack.close()
  }
  const bytes = await openNpySlices(saved('u1', writeNpy(Uint8Array.of(1, 2, 3, 4), [2, 1, 2])))
  expect(await bytes.slice(1)).toEqual(Uint8Array.of(3, 4))
  await bytes.close()
})

test('a stack above 2 GiB', async () => {
  const side = 1 << 15
  const file = join(folder, 'large.npy')
  const head = header(writeNpy(new Uint8Array(1), [1, 1, 1]), '(1, 1, 1)', `(3, ${side}, ${side})`).subarray(0, -1)
  const before = 10 + Buffer.from(head).readUInt16LE(8)
  const fd = openSync(file, 'w')
  const kept = Buffer.from(head)
  // The header is padded to 64 bytes: what it grew by is taken from the padding.
  const text = kept
    .toString('latin1')
    .replace(/ +\n$/, '')
    .padEnd(before - 1)
  writeSync(fd, Buffer.from(`${text}\n`, 'latin1'))
  ftruncateSync(fd, before + 3 * side * side)
  writeSync(fd, Buffer.of(7), 0, 1, before + 2 * side * side + 5)
  closeSync(fd)
  const stack = await openNpySlices(file)
  const last = await stack.slice(2)
  expect([last.length, last[4], last[5]]).toEqual([side * side, 0, 7])
  await stack.close()
  rmSync(file)
})

test('what is no stack says what it is', async () => {
  const whole = writeNpy(deep, [count, height, width])
  for (const [bytes, why] of [
    [writeNpy(Float32Array.of(1), [1, 1, 1]), 'holds f4 of 3 axes'],
    [writeNpy(Uint8Array.of(1), [1]), 'holds u1 of 1 axes'],
    [whole.subarray(0, whole.length - 2), 'is truncated'],
    [gzipSync(whole).subarray(0, 60), 'truncated or damaged gzip'],
    [new Uint8Array(0), 'is empty'],
    [writeNpy(new Uint8Array(0), [0, 4, 4]), 'holds no voxel'],
  ] as const)
    await expect(openNpySlices(saved('odd.npy', bytes))).rejects.toThrow(why)
})

test('absent, a folder, a pipe, a link to nothing: each by its own words, and none is waited for', async () => {
  mkdirSync(join(folder, 'x.png'))
  symlinkSync('gone', join(folder, 'link'))
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')])
  for (const [name, why] of [
    ['none', 'is missing'],
    ['x.png', 'is a folder'],
    ['pipe', 'is a named pipe'],
    ['link', 'is a link to what does not exist'],
    ['x.png/none', 'is missing'],
  ] as const)
    await expect(readRegularFile(join(folder, name), 'BadTileError')).rejects.toMatchObject({
      type: 'BadTileError',
      message: expect.stringContaining(why),
    })
  await expect(readRegularFile('/dev/null', 'ConfigError')).rejects.toThrow('is a device')
})
