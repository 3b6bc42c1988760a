// Payloads of Temporal, encrypted: any comes back as it was, with the right key alone, and only if nobody has changed it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Payload } from '@temporalio/common'
import fc from 'fast-check'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { keyIds, messageOf, payloadCodec, readHistory, valueOf } from '../../storage/encryption.ts'

const [ONE, TWO] = ['1a'.repeat(32), '2B'.repeat(32)]
const folder = mkdtempSync(join(tmpdir(), 'hillock-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())
const use = (key: string | undefined): unknown => vi.stubEnv('HILLOCK_PAYLOAD_KEY', key)

const plain = (value: unknown): Payload => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(JSON.stringify(value)),
})
const bytes = (p: Payload): unknown => [
  Object.fromEntries(Object.entries(p.metadata ?? {}).map(([k, v]) => [k, Buffer.from(v).toString('hex')])),
  Buffer.from(p.data ?? []).toString('hex'),
]
const sealed = async (p: Payload): Promise<Payload> => (await payloadCodec.encode([p]))[0]!
const opened = async (p: Payload): Promise<Payload> => (await payloadCodec.decode([p]))[0]!
const json = (p: Payload): object => ({
  metadata: Object.fromEntries(
    Object.entries(p.metadata!).map(([k, v]) => [k, Buffer.from(v as Uint8Array).toString('base64')]),
  ),
  data: Buffer.from(p.data!).toString('base64'),
})

test('any payload comes back as it was, and nothing of it is to be seen', async () => {
  use(ONE)
  const some = fc.uint8Array({ maxLength: 300 })
  const payload = fc.record({ metadata: fc.dictionary(fc.string({ minLength: 1 }), some), data: some })
  await fc.assert(
    fc.asyncProperty(payload, async p => {
      const [a, b] = [await sealed(p), await sealed(p)]
      expect(bytes(await opened(a))).toEqual(bytes(p))
      // The same twice is another each time.
      expect(bytes(a)).not.toEqual(bytes(b))
      if (p.data.length > 3) expect(Buffer.from(a.data!).includes(Buffer.from(p.data))).toBe(false)
    }),
  )
})

test('a bit that was changed anywhere is found, a payload that was cut short too', async () => {
  use(ONE)
  const p = await sealed(plain({ dataset: 'cortex' }))
  for (let at = 0; at < p.data!.length; at++) {
    const data = Buffer.from(p.data!)
    data[at]! ^= 1
    await expect(opened({ ...p, data }), String(at)).rejects.toThrow('is damaged or forged')
    await expect(opened({ ...p, data: p.data!.subarray(0, at) }), String(at)).rejects.toThrow('is damaged or forged')
  }
})

test('the first key encrypts, all decrypt; another key, or none, is named', async () => {
  const keys = join(folder, 'keys')
  writeFileSync(keys, `${ONE}\n`)
  use(keys)
  const [id] = keyIds()
  const before = await sealed(plain(1))
  use(`${TWO}\n${ONE}`)
  expect(keyIds()).toHaveLength(2)
  expect(bytes(await opened(before))).toEqual(bytes(plain(1)))
  const after = await sealed(plain(2))
  use(ONE)
  await expect(opened(after)).rejects.toMatchObject({
    type: 'ConfigError',
    message: expect.stringMatching(new RegExp(`encrypted with key [0-9a-f]{8}, .* \\(${id}\\): add it to HILLOCK_PAY`)),
  })
  use(undefined)
  await expect(opened(before)).rejects.toThrow(`encrypted with key ${id}, which this process does not have (none)`)
  // What was written before there was a key.
  expect(await opened(plain(3))).toEqual(plain(3))
  expect(await sealed(plain(3))).toEqual(plain(3))
})

test('what is no key is refused, without saying it', () => {
  writeFileSync(join(folder, 'other'), 'c2VjcmV0')
  const wrong: [string, RegExp][] = [
    [join(folder, 'none'), /neither a key nor a file that can be read \(ENOENT\)/],
    [join(folder, 'other'), /names a file that is none of keys: each is a line of 64 hexadecimal digits/],
    [ONE.slice(2), /neither a key nor a file/],
  ]
  for (const [key, says] of wrong) {
    use(key)
    expect(keyIds).toThrow(says)
    expect(keyIds).not.toThrow(new RegExp(`c2VjcmV0|${ONE.slice(2)}`))
  }
})

test('a history is read whole: what is encrypted in it, and what is not; a failure says what it is', async () => {
  use(ONE)
  const attributes = { message: 'no such tile', stack_trace: 'at x' }
  const [secret, open, encodedAttributes] = [
    await sealed(plain({ x: 1 })),
    plain({ y: 2 }),
    await sealed(plain(attributes)),
  ]
  const input = { payloads: [secret, open].map(json) }
  const text = JSON.stringify({ events: [{ eventId: '1', startedEventAttributes: { input } }] })
  const read = readHistory(text).events[0]!['startedEventAttributes'] as typeof history
  const history = { input: { payloads: [plain({ x: 1 }), open].map(json) } }
  expect(read).toEqual(history)
  expect([valueOf({ payloads: [secret] }), valueOf(null), valueOf({ payloads: [] })]).toEqual([
    { x: 1 },
    undefined,
    undefined,
  ])
  expect(messageOf({ message: 'Encoded failure', encodedAttributes })).toBe('no such tile')
  expect(messageOf({ message: 'as it is' })).toBe('as it is')
  use(TWO)
  expect(() => readHistory(text)).toThrow('add it to HILLOCK_PAYLOAD_KEY')
})
