// The Neuroglancer state that opens a release: its volumes, with meshes and skeletons where they have some, and annotations.
import { metres, shapeOf } from '../domain/geometry.ts'
import type { Release } from '../domain/release.ts'
import { EM, layers as rows, type LayerRow } from '../domain/stages.ts'
import { has, ownFolders } from '../storage/static-layout.ts'

/** Pixels (width, height) of one panel of four in a usual window; only the first zoom depends on it. */
const PANEL = [700, 390] as const

const SYNAPSE_SHADER = `
void main() {
  setColor(vec4(1.0, 0.85, 0.1, 1.0));
  setEndpointMarkerColor(vec4(0.2, 0.9, 1.0, 1.0), vec4(1.0, 0.35, 0.25, 1.0));
  setEndpointMarkerSize(5.0, 7.0);
  setLineWidth(2.0);
}
`.trim()

/** How a layer looks; the segments that are selected are those that have meshes or skeletons. */
function looks(l: LayerRow, segments: readonly string[]): Record<string, unknown> {
  if (l.kind === 'image') return { type: 'image', shaderControls: { normalized: { range: [16, 240] } } }
  if (l.kind === 'segmentation') {
    const solid = rows.some(o => 'of' in o && o.of === l.layer && o.kind !== 'tables')
    return { type: 'segmentation', selectedAlpha: 0.4, notSelectedAlpha: 0.18, segments: solid ? segments : [] }
  }
  const of = 'of' in l ? l.of : undefined
  return {
    type: 'annotation',
    shader: SYNAPSE_SHADER,
    linkedSegmentationLayer: { pre_segment: of, post_segment: of },
  }
}

/**
 * State for `#!<JSON>` in the viewer's address.
 * @param origin address of this server, without a slash at the end
 * @param segments decimal ids that are selected, so that their meshes and skeletons are shown
 */
export function viewerState(release: Release, origin: string, segments: readonly string[]): Record<string, unknown> {
  const root = `precomputed://${origin}/r/${release.dataset}/${release.release}`
  const { bounds, offset = [0, 0, 0], voxelSizeNm } = release
  const shown = ownFolders(release).filter(l => has(release, l))
  const least = Math.min(...voxelSizeNm)
  // Neuroglancer measures zoom in units of the shortest voxel edge.
  const extent = shapeOf(bounds).map((n, a) => (n * voxelSizeNm[a]!) / least) as [number, number, number]
  const diagonal = Math.hypot(...extent)
  return {
    title: `${release.dataset} ${release.release}`,
    dimensions: Object.fromEntries(['x', 'y', 'z'].map((name, a) => [name, [metres(voxelSizeNm[a]!), 'm']])),
    position: bounds.min.map((lo, a) => offset[a]! + (lo + bounds.max[a]!) / 2),
    crossSectionScale: Math.max(extent[0] / PANEL[0], extent[1] / PANEL[1]) * 0.95,
    projectionScale: diagonal * 1.02,
    // The slice's own view, turned by 30 degrees about y and 25 about x.
    projectionOrientation: [-0.209, 0.2527, -0.056, 0.943],
    // Slices would hide the meshes behind them; the box in the corner of the panel brings them back.
    showSlices: false,
    hideCrossSectionBackground3D: true,
    crossSectionBackgroundColor: '#1b1f24',
    projectionBackgroundColor: '#0c0f13',
    layers: shown.map(l => ({ source: `${root}/${l.layer}`, name: l.layer, ...looks(l, segments) })),
    selectedLayer: { visible: false, layer: 'segmentation' in release.layers ? 'segmentation' : EM },
    layout: '4panel-alt',
  }
}
