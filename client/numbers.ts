// Boxes, vectors and durations as they are given on the command line.
import { configError } from '../domain/errors.ts'
import { Box, type Vec3 } from '../domain/geometry.ts'

/** @throws HillockError ConfigError when the text is no box. */
export function boxOf(text: string): Box {
  const [min, max] = text.split(':').map(corner => corner.split(',').map(Number))
  const parsed = Box.safeParse({ min, max })
  if (!parsed.success)
    throw configError(`--box ${text}: give it as x0,y0,z0:x1,y1,z1 in voxels, each first below the second`)
  return parsed.data
}

/** A number above 0. @throws HillockError ConfigError */
export function numberOf(option: string, text: string): number {
  const n = text.trim() === '' ? NaN : Number(text)
  if (!(n > 0 && n < Infinity)) throw configError(`${option} ${text}: give a number above 0`)
  return n
}

/** Three numbers above 0, `x,y,z`. @throws HillockError ConfigError */
export function vectorOf(option: string, text: string): Vec3 {
  const v = text.split(',').map(Number)
  if (v.length !== 3 || v.some(n => !(n > 0))) throw configError(`${option} ${text}: give it as x,y,z`)
  return [v[0]!, v[1]!, v[2]!]
}

const TERM = /(\d+(?:\.\d+)?)\s*(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])/gi
const SECONDS: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 }
const TEN_YEARS = 3652 * 86_400

/** Seconds of `90s`, `15 min`, `1h30m`, `1 week` or ISO 8601 (`PT6H`). @throws HillockError ConfigError for anything else, and for less than `least` */
export function secondsOf(option: string, text: string, least: number): number {
  const iso = /^P(?=[^T]*T?.)/i.test(text)
  // Months and years have no fixed length.
  const plain = !iso ? text : /^P[^T]*[MY]/i.test(text) ? '' : text.slice(1).replace(/T/i, ' ')
  const spaced = plain.replaceAll(/(\d[a-z]+)(?=\d)/gi, '$1 ')
  const terms = [...spaced.matchAll(TERM)]
  const seconds = terms.reduce((sum, [, n, unit]) => sum + Number(n) * SECONDS[unit![0]!.toLowerCase()]!, 0)
  const fail = (why: string): never => {
    throw configError(`${option} ${text}: ${why}`)
  }
  if (!iso && /\d\s*M(?![a-zA-Z])/.test(text))
    fail('M may mean minutes or months: m is minutes, and months have no fixed length')
  if (terms.length === 0 || spaced.replaceAll(TERM, '').trim() !== '')
    fail('not a duration: give it as 90s, 15m, 6h, 1d, 1w, 1h30m or PT6H')
  if (seconds < least) fail(`that is less than ${least} s`)
  if (seconds > TEN_YEARS) fail('that is more than ten years')
  return seconds
}

export const inDays = (n: number): string => (n === 1 ? '1 day' : `${n} days`)
