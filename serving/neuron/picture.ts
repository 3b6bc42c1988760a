// A picture of a neuron as inline SVG: silhouette of its mesh, skeleton and synapses, seen along z and along x.
import type { Vec3 } from '../../domain/geometry.ts'
import type { Skeleton } from '../../storage/formats/skeleton.ts'
import type { Fragment } from '../api/objects.ts'
import { figure, html, type Html } from '../pages/html.ts'

/** Everything in nm from the dataset's origin. */
export interface Shape {
  readonly mesh: readonly Fragment[]
  readonly skeleton: Skeleton | undefined
  /** That it makes, and that it gets. */
  readonly pre: readonly Vec3[]
  readonly post: readonly Vec3[]
}

/** Largest size of the drawing, and the room around and between its views. */
const [WIDE, HIGH, GAP] = [1440, 900, 40]

export const PICTURE_STYLE = `
.neuron{width:100%;height:auto;max-height:34rem;display:block}.neuron path{opacity:1;stroke-linejoin:round}
.neuron .mesh{fill:var(--accent);stroke:var(--accent);stroke-width:1.5;opacity:.28}.neuron .skeleton{stroke:var(--accent);stroke-width:3}
.neuron circle{stroke:var(--card);stroke-width:2}.pre{fill:var(--pre)}.post{fill:var(--post)}b.pre,b.post{color:var(--pre);font-weight:400}b.post{color:var(--post)}
.neuron .scale{stroke:var(--ink);stroke-width:4}.neuron text,.neuron text.soft{font-size:26px}
:root{--pre:#b45309;--post:#0b7285}@media(prefers-color-scheme:dark){:root{--pre:#f0b45b;--post:#66d9e8}}
`

/** Lowest and highest value along each axis. */
function boxOf({ mesh, skeleton, pre, post }: Shape): [low: number[], high: number[]] {
  const low = [Infinity, Infinity, Infinity]
  const high = [-Infinity, -Infinity, -Infinity]
  for (const values of [
    ...mesh.map(m => m.vertices),
    ...(skeleton ? [skeleton.positions] : []),
    pre.flat(),
    post.flat(),
  ])
    values.forEach((v: number, i: number) => {
      low[i % 3] = Math.min(low[i % 3]!, v)
      high[i % 3] = Math.max(high[i % 3]!, v)
    })
  return [low, high]
}

/** The triangles that face the reader: together they cover what all do. */
function silhouette(triangles: Uint32Array, x: (v: number) => number, y: (v: number) => number): string {
  let d = ''
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = triangles.subarray(t, t + 3) as unknown as [number, number, number]
    const [u, v] = [x(b) - x(a), y(b) - y(a)]
    const [p, q] = [x(c) - x(b), y(c) - y(b)]
    if (u * q - v * p > 0) d += `M${x(a)} ${y(a)}l${u} ${v} ${p} ${q}z`
  }
  return d
}

/** Nothing where there is nothing to see: a segment without mesh, skeleton and synapses. */
export function picture(shape: Shape, name: string): Html | null {
  const [low, high] = boxOf(shape)
  const size = low.map((l, a) => Math.max(1, high[a]! - l))
  if (!size.every(Number.isFinite)) return null
  const [dx, dy, dz] = size as [number, number, number]
  const scale = Math.min((WIDE - 3 * GAP) / (dx + dz), (HIGH - 3 * GAP) / dy)
  const height = Math.round(dy * scale) + 3 * GAP
  const width = Math.round((dx + dz) * scale) + 3 * GAP
  const at = (axis: number, from: number) => (v: number) => Math.round(from + (v - low[axis]!) * scale)
  const views = [
    { axes: 'x, y', across: 0, x: at(0, GAP) },
    { axes: 'z, y', across: 2, x: at(2, 2 * GAP + dx * scale) },
  ]
  const y = at(1, GAP)
  const unit = 10 ** Math.floor(Math.log10((dx + dz) / 4))
  const bar = [5, 2, 1].map(n => n * unit).find(n => n <= (dx + dz) / 4)!
  const view = ({ axes, across, x }: (typeof views)[number]): Html => {
    const { mesh, skeleton } = shape
    const drawn = mesh.map(m =>
      silhouette(
        m.triangles,
        v => x(m.vertices[3 * v + across]!),
        v => y(m.vertices[3 * v + 1]!),
      ),
    )
    let d = ''
    if (skeleton) {
      const to = (v: number): string => `${x(skeleton.positions[3 * v + across]!)} ${y(skeleton.positions[3 * v + 1]!)}`
      for (let e = 0; e < skeleton.edges.length; e += 2) d += `M${to(skeleton.edges[e]!)}L${to(skeleton.edges[e + 1]!)}`
    }
    const dots = (kind: 'pre' | 'post'): Html[] =>
      shape[kind].map(p => html`<circle class="${kind}" cx="${x(p[across]!)}" cy="${y(p[1])}" r="8" />`)
    return html`<path class="mesh" d="${drawn.join('')}" /><path
        class="skeleton"
        d="${d}"
      />${dots('post')}${dots('pre')} <text class="soft" x="${x(low[across]!)}" y="28">${axes}</text>`
  }
  return html`<svg
    class="neuron"
    viewBox="0 0 ${width} ${height}"
    role="img"
    aria-label="${name}, seen along z and along x"
  >
    ${views.map(view)}
    <line class="scale" x1="${GAP}" x2="${GAP + bar * scale}" y1="${height - 28}" y2="${height - 28}" />
    <text x="${GAP + bar * scale + 16}" y="${height - 19}">
      ${bar < 1000 ? `${figure(bar)} nm` : `${figure(bar / 1000)} µm`}
    </text>
  </svg>`
}
