// The page of a neuron: picture, size, partners, synapses, and the ways on to the viewer and to its lineage; and the one to find it by.
import type { Vec3 } from '../../domain/geometry.ts'
import type { Release } from '../../domain/release.ts'
import { facts, figure, html, Html, page, section, table, type Part } from '../pages/html.ts'
import type { Row } from '../query/engine.ts'
import { PICTURE_STYLE } from './picture.ts'

/** What the form that finds a neuron is filled with. */
export interface Finder {
  readonly dataset: string
  /** Release, channel or time. */
  readonly within: string
  readonly found: string
  readonly datasets: readonly string[]
  readonly releases: readonly string[]
}

export interface Paged {
  readonly rows: readonly Row[]
  /** Query of the page after this one. */
  readonly next: string | null
}

export interface Neuron {
  readonly release: Release
  readonly segment: string
  /** Its row of the table of segments. */
  readonly row: Row
  readonly picture: Html | null
  /** A voxel of it, from which its lineage begins. */
  readonly voxel: Vec3 | null
  readonly up: Paged
  readonly down: Paged
  /** Of one side at a time. */
  readonly side: 'pre' | 'post'
  readonly synapses: Paged
}

const STYLE = `${PICTURE_STYLE}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 1.2rem}
form.find{display:flex;flex-wrap:wrap;gap:.5rem .9rem;align-items:end}form.find label{color:var(--soft);font-size:.85em}form.find input,form.find select{display:block;color:var(--ink);font-size:1rem}
`
const style = html`<style>
  ${new Html(STYLE)}
</style>`

const finder = ({ dataset, within, found, datasets, releases }: Finder): Html =>
  html`<form class="card find" action="/neuron" role="search">
    ${
      datasets.length > 1
        ? html`<label
            >dataset
            <select name="dataset">
              ${datasets.map(d => html`<option ${d === dataset ? 'selected' : ''}>${d}</option>`)}
            </select></label
          >`
        : html`<input type="hidden" name="dataset" value="${dataset}" />`
    }
    <label>segment, or point x, y, z <input name="find" value="${found}" size="26" required /></label>
    <label
      >release, channel or time
      <input name="in" value="${within}" size="24" list="releases" title="a time as 2026-11-27T06:00:00Z" required
    /></label>
    <datalist id="releases">${releases.map(r => html`<option value="${r}"></option>`)}</datalist>
    <button>Find</button>
  </form>`

const nameOf = (r: Release): string => `${r.dataset}/${r.release}`
const trail = (r: Release): Html =>
  html`<a href="/">Datasets</a> · <a href="/release/${nameOf(r)}">${nameOf(r)}</a> ·
    <a href="/neuron/${nameOf(r)}">largest segments</a>`

/** @param rows of the table of segments, the largest first */
export const findPage = (release: Release, form: Finder, rows: readonly Row[]): string =>
  page(
    'Find a neuron',
    trail(release),
    html`${style} ${finder(form)}
    ${section(
      'Largest segments',
      `Of release ${nameOf(release)}.`,
      table(
        ['segment', 'voxels', 'synapses made', 'received'],
        rows.map(r => [link(release, r['segment']), count(r['voxels']), count(r['n_pre']), count(r['n_post'])]),
      ),
    )}`,
    '/neuron',
  )

const link = (release: Release, segment: unknown): Html =>
  html`<a href="/neuron/${nameOf(release)}/${String(segment)}"><code>${String(segment)}</code></a>`
const count = (n: unknown): string => (n === undefined || n === null ? '–' : figure(Number(n)))
const text = (v: readonly number[]): string => v.map(n => Math.round(n)).join(', ')

export function neuronPage(n: Neuron, form: Finder): string {
  const { release, segment, row } = n
  const { voxelSizeNm, offset = [0, 0, 0] } = release
  const own = `/neuron/${nameOf(release)}/${segment}`
  const viewer = (at: readonly number[] | null): string =>
    `/view/${nameOf(release)}?segments=${segment}${at ? `&at=${at.map(Math.round).join(',')}` : ''}`
  const three = (x: string, y: string, z: string): number[] | null =>
    [x, y, z].every(c => c in row) ? [x, y, z].map((c, a) => Number(row[c]) + offset[a]!) : null
  const [min, max] = [three('x_min', 'y_min', 'z_min'), three('x_max', 'y_max', 'z_max')]
  const centre = three('x', 'y', 'z')
  const nm3 = voxelSizeNm.reduce((a, b) => a * b)
  const more = (p: Paged, word: string): Html | null =>
    p.next === null ? null : html`<p><a href="${own}?${p.next}" rel="next">${word}</a></p>`
  const partners = (title: string, p: Paged): Html =>
    section(
      title,
      null,
      p.rows.length === 0
        ? 'None.'
        : html`${table(
            ['segment', 'synapses', 'mean score'],
            p.rows.map(r => [link(release, r['segment']), count(r['count']), count(r['score'])]),
          )}
          ${more(p, 'More partners')}`,
    )
  const other = n.side === 'pre' ? 'post' : 'pre'
  return page(
    `Segment ${segment}`,
    trail(release),
    html`${style} ${finder(form)}
      <p>
        <a class="button" href="${viewer(null)}">View in 3-D</a>
        ${n.voxel && html`<a href="/lineage/${nameOf(release)}?at=${n.voxel.join(',')}">Lineage, down to the tiles</a> · `}
        <a href="/api/v1/datasets/${release.dataset}/releases/${release.release}/segments/${segment}">JSON</a>
      </p>
      ${
        n.picture &&
        html`<div class="card">
          ${n.picture}
          <p class="soft">
            <b class="pre">●</b> synapses that it makes, <b class="post">●</b> synapses that it receives; mesh and
            skeleton.
          </p>
        </div>`
      }
      <div class="card">
        ${facts([
          ['size', `${count(row['voxels'])} voxels, ${figure((Number(row['voxels']) * nm3) / 1e9)} µm³`],
          ['box', min && max && `${text(min)} to ${text(max)}`],
          ['centre', centre && html`<a href="${viewer(centre)}">${text(centre)}</a>`],
          ['synapses', `makes ${count(row['n_pre'])}, receives ${count(row['n_post'])}`],
          [
            'partners',
            'n_upstream' in row ? `${count(row['n_upstream'])} up, ${count(row['n_downstream'])} down` : null,
          ],
          ['skeleton', 'skeleton_nm' in row ? `${figure(Number(row['skeleton_nm']) / 1000)} µm` : null],
          ['release', html`<a href="/release/${nameOf(release)}">${nameOf(release)}</a>`],
        ])}
      </div>
      <div class="two">
        <div>${partners('Partners up', n.up)}</div>
        <div>${partners('Partners down', n.down)}</div>
      </div>
      <div id="synapses">
        ${section(
          n.side === 'pre' ? 'Synapses that it makes' : 'Synapses that it receives',
          html`<a href="${own}?side=${other}#synapses">
            ${other === 'pre' ? 'Those that it makes' : 'Those that it receives'}</a
          >`,
          n.synapses.rows.length === 0
            ? 'None.'
            : html`${table(
                ['where', n.side === 'pre' ? 'onto' : 'from', 'score', 'voxels', 'id'],
                n.synapses.rows.map((s): Part[] => {
                  const at = ['x', 'y', 'z'].map((c, a) => Number(s[c]) + offset[a]!)
                  return [
                    html`<a href="${viewer(at)}">${text(at)}</a>`,
                    link(release, s[`${other}_segment`]),
                    count(s['score']),
                    count(s['size']),
                    html`<code>${String(s['id'])}</code>`,
                  ]
                }),
                2,
              )}
              ${more(n.synapses, 'More synapses')}`,
        )}
      </div>`,
    '/neuron',
  )
}
