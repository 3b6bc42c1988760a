// How well each section is aligned, as inline SVG: residual and displacement over z, each section a link to where it is seen, and the stack before and after.
import { shapeOf } from '../../domain/geometry.ts'
import type { Release } from '../../domain/release.ts'
import type { AlignedSection } from '../../domain/releases/alignment.ts'
import { figure, html, Html } from './html.ts'
import { PLOT_STYLE } from './slo-plots.ts'
import { CUT } from './stack-cut.ts'

const [LEFT, TOP, WIDTH, HEIGHT, DOWN] = [62, 30, 1000, 100, 170]
/** Bars that are drawn at most; of more sections each bar is the worst of a few. */
const BARS = 400

const middle = (r: Release): number[] =>
  [0, 1].map(a => Math.round((r.bounds.min[a]! + r.bounds.max[a]!) / 2 + (r.offset?.[a] ?? 0)))

/** The sections around the one that was moved most, cut across in the middle of them, before and after; each opens there. */
export function beforeAndAfter(r: Release, all: readonly AlignedSection[]): Html {
  const most = all.reduce((m, s) => ((s.movedPx ?? 0) > (m.movedPx ?? 0) ? s : m))
  const at = [...middle(r), most.z + (r.offset?.[2] ?? 0)].join(',')
  const name = `${r.dataset}/${r.release}`
  const stretched = r.voxelSizeNm[2] / r.voxelSizeNm[0]
  return html`${(
    [
      ['stitched', 'before: sections as they were stitched'],
      ['aligned', 'after: as they were aligned'],
    ] as const
  ).map(
    ([shown, title]) =>
      html`<p>${title}, x across, z down, around section ${most.z}</p>
        <a href="/view/${name}?at=${at}"
          ><img
            src="/release/${name}/${shown}.png?at=${at}"
            alt="${title}"
            style="width:100%;aspect-ratio:${Math.min(CUT.wide, shapeOf(r.bounds)[0])}/${Math.min(CUT.deep, shapeOf(r.bounds)[2]) * stretched};image-rendering:pixelated"
        /></a>`,
  )}`
}

export function alignmentPlot(r: Release, all: readonly AlignedSection[]): Html {
  const each = Math.ceil(all.length / BARS)
  const badness = (s: AlignedSection): number => (s.excluded === null ? (s.residualPx ?? 0) : Infinity)
  const sections = Array.from({ length: Math.ceil(all.length / each) }, (_, i) =>
    all.slice(i * each, (i + 1) * each).reduce((worst, s) => (badness(s) > badness(worst) ? s : worst)),
  )
  const step = WIDTH / sections.length
  const [x, y] = middle(r)
  return html`<style>
      ${new Html(PLOT_STYLE)}
    </style>
    <svg class="plot" viewBox="0 0 1080 ${2 * DOWN}" role="img" aria-label="Alignment by section">
      ${(
        [
          ['residualPx', 'residual, px'],
          ['movedPx', 'moved, px'],
        ] as const
      ).map(([of, title], m) => {
        const top = Math.max(1, ...sections.map(s => s[of] ?? 0))
        const at = (v: number): number => m * DOWN + TOP + HEIGHT - (v / top) * HEIGHT
        return html`<text x="${LEFT}" y="${m * DOWN + 14}">${title}</text>
          ${[0, top / 2, top].map(v => html`<line x1="${LEFT}" x2="${LEFT + WIDTH}" y1="${at(v)}" y2="${at(v)}" /><text class="soft n" x="${LEFT - 6}" y="${at(v) + 4}">${figure(v)}</text>`)}
          ${sections.map((s, i) => {
            const value = s[of]
            const left = LEFT + i * step
            const label = s.excluded ?? (value === null ? 'not solved' : `${figure(value)} px`)
            return html`<a href="/view/${r.dataset}/${r.release}?at=${x},${y},${s.z + (r.offset?.[2] ?? 0)}">
              ${s.excluded === null ? null : html`<line class="fail" x1="${left + step / 2}" x2="${left + step / 2}" y1="${at(top)}" y2="${at(0)}" />`}
              ${value === null ? null : html`<rect class="bar" x="${left}" y="${at(value)}" width="${Math.max(0.5, step * 0.8)}" height="${at(0) - at(value)}" />`}
              <rect class="hit" x="${left}" y="${at(top)}" width="${step}" height="${HEIGHT}"
                ><title>section ${s.z}: ${label}</title></rect
              ></a
            >`
          })}
          <text class="soft mid" x="${LEFT}" y="${m * DOWN + TOP + HEIGHT + 16}">${sections[0]!.z}</text>
          <text class="soft n" x="${LEFT + WIDTH}" y="${m * DOWN + TOP + HEIGHT + 16}"
            >section ${sections.at(-1)!.z}</text
          >`
      })}
    </svg>`
}
