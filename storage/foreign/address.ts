// Addresses as people paste them: with the prefixes and suffixes of viewers, the name of a metadata file, or as a viewer's link.
import type { VolumeFormat } from '../../domain/run-file/source.ts'
import { configError, type HillockError } from '../../domain/errors.ts'

export interface Address {
  readonly url: string
  /** What the address says of the format. */
  readonly format?: VolumeFormat
}

/** Names that Neuroglancer, cloud-volume and tensorstore put before or behind an address. */
const NAMES: Readonly<Record<string, VolumeFormat>> = {
  precomputed: 'precomputed',
  'neuroglancer-precomputed': 'precomputed',
  zarr: 'zarr',
  zarr2: 'zarr',
  zarr3: 'zarr',
  n5: 'n5',
}
const DOCUMENTS: Readonly<Record<string, VolumeFormat>> = {
  info: 'precomputed',
  'zarr.json': 'zarr',
  '.zarray': 'zarr',
  '.zattrs': 'zarr',
  '.zgroup': 'zarr',
  '.zmetadata': 'zarr',
  'attributes.json': 'n5',
}

/** @throws HillockError ConfigError for an address that names no volume, or more than one. */
export function addressOf(pasted: string): Address {
  const text = pasted.trim()
  const state = /^https?:\/\/[^#]*#!(.+)$/s.exec(text)?.[1]
  if (state) return fromState(state, pasted)
  const [first, ...layers] = text.split('|')
  let { url, format }: Address = { url: first! }
  for (;;) {
    const prefixed = /^([a-z0-9-]+):\/\/(.+)$/is.exec(url)
    const named = prefixed && NAMES[prefixed[1]!.toLowerCase()]
    if (!named) break
    url = prefixed[2]!
    format = named
  }
  // As the console of Google's cloud shows it.
  url = url.replace(/^https:\/\/(console\.cloud\.google\.com\/storage\/browser|storage\.cloud\.google\.com)\//, 'gs://')
  for (const layer of layers) {
    const [kind = '', path = ''] = layer.split(/:(.*)/s)
    format = NAMES[kind.toLowerCase()]
    if (!format)
      throw configError(`${pasted}: |${kind}: is not read; give the address of a folder that holds the volume`)
    if (path) url = `${url.replace(/\/+$/, '')}/${path}`
  }
  const [, place = '', query = ''] = /^([^?]*)(\?.*)?$/s.exec(url)!
  const [, folder, file] = /^(.*?)(?:\/+([^/]*))?\/*$/s.exec(place)!
  const document = DOCUMENTS[file ?? '']
  if (document) return { url: `${folder || '/'}${query}`, format: format ?? document }
  return { url: `${place.replace(/(?<=.)\/+$/, '')}${query}`, ...(format && { format }) }
}

interface Layer {
  readonly type?: string
  readonly source?: unknown
}

/** The image of a viewer's state. Links of old wrote ' for " and, between values, _ for a comma. */
function fromState(state: string, pasted: string): Address {
  const fail = (why: string): HillockError => configError(`a viewer's link: ${why}`)
  const text = decodeURIComponent(state)
  if (!text.startsWith('{'))
    throw fail(`its state lies at ${text}; name the address of the image in it instead, as the viewer shows it`)
  const modern = text.replace(/'((?:[^'\\]|\\.)*)'|_/g, (_, inner?: string) =>
    inner === undefined ? ',' : JSON.stringify(inner.replaceAll("\\'", "'")),
  )
  let layers: unknown
  try {
    layers = (JSON.parse(text.startsWith("{'") ? modern : text) as { layers?: unknown }).layers
  } catch {
    throw fail(`its state is not JSON (${pasted.slice(0, 60)}...); name the address of the image instead`)
  }
  const urls = Object.values((layers ?? {}) as Record<string, Layer>)
    .filter(l => l.type === undefined || l.type === 'image')
    .flatMap(l => (Array.isArray(l.source) ? (l.source as unknown[]) : [l.source]))
    .map(s => (typeof s === 'string' ? s : (s as { url?: unknown } | undefined)?.url))
    .filter(s => typeof s === 'string')
  if (urls.length === 1) return addressOf(urls[0]!)
  throw fail(urls.length ? `it shows several images; name one of ${urls.join(', ')} instead` : 'it shows no image')
}
