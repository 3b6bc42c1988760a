// In what two releases differ by their manifests: for programs, and as tables for people.
import { listsThatDiffer } from '../domain/plan/diff.ts'
import { holesIn, type Hole, type Release } from '../domain/release.ts'
import { QUALITY } from './pages/release-page.ts'
import { facts, figure, holeList, html, known, table, type Html, type Part } from './pages/html.ts'

function comparison(
  here: Release,
  there: Release,
  layer: keyof Release['layers'],
): 'equal' | 'differs' | 'only here' | 'only there' {
  if (!there.layers[layer]) return 'only here'
  if (!here.layers[layer]) return 'only there'
  return here.layerDigests[layer] !== undefined && here.layerDigests[layer] === there.layerDigests[layer]
    ? 'equal'
    : 'differs'
}

export function releaseDiff(here: Release, there: Release) {
  const names = Object.keys({ ...here.layers, ...there.layers }) as (keyof Release['layers'])[]
  const holes = listsThatDiffer(here.holes, there.holes, h => JSON.stringify(h))
  const scores = Object.keys({ ...here.quality, ...there.quality }) as (keyof Release['quality'])[]
  return {
    layers: Object.fromEntries(names.map(l => [l, comparison(here, there, l)])),
    quality: Object.fromEntries(
      scores.map(k => [k, { here: here.quality[k] ?? null, there: there.quality[k] ?? null }]),
    ),
    holes: { here: holes.gone, there: holes.new },
    cost: { here: here.cost, there: there.cost },
  }
}

const change = (a: number | null, b: number | null): string =>
  a === null || b === null || a === b ? '' : `${b > a ? '+' : '−'}${figure(Math.abs(b - a))}`
const link = ({ dataset, release }: Release): Html =>
  html`<a href="/release/${dataset}/${release}"><code>${release}</code></a>`
/** Of a layer, to a reader of the first of two. */
const SAID = { equal: 'equal', differs: 'differs', 'only here': 'gone', 'only there': 'new' } as const
const MOST = 50

const listed = (word: string, all: readonly Hole[]): Part =>
  holeList(`${figure(all.length)} holes ${word}`, all, false, MOST)

/** What would be new with `after` to a reader of `before`. */
export function diffTables(before: Release, after: Release): Html {
  const d = releaseDiff(before, after)
  const rows: (readonly [string, number | null, number | null])[] = [
    ...QUALITY.flatMap(([k, label]) => (d.quality[k] ? [[label, d.quality[k].here, d.quality[k].there] as const] : [])),
    ['holes', holesIn(before), holesIn(after)],
    ['cost', d.cost.here, d.cost.there],
  ]
  return html`${table(
    ['', link(before), link(after), 'change'],
    rows.map(([name, a, b]) => [name, known(a), known(b), change(a, b)]),
  )}
  ${facts([
    ['layers', Object.entries(d.layers).map(([layer, how]) => html`<span class="tag">${layer}: ${SAID[how]}</span> `)],
  ])}
  ${listed('gone', d.holes.here)} ${listed('new', d.holes.there)}`
}
