// Addresses of volumes as people paste them.
import { describe, expect, test } from 'vitest'
import { addressOf } from '../../../storage/foreign/address.ts'
import { openFiles } from '../../../storage/foreign/files.ts'

const link = (state: string): string => `https://neuroglancer-demo.appspot.com/#!${state}`
const layer = (type: string, source: unknown): object => ({ type, source, name: type })

test.each([
  ['/data/vol', '/data/vol', undefined],
  ['/data/vol/', '/data/vol', undefined],
  [' gs://b/vol/ ', 'gs://b/vol', undefined],
  ['precomputed://https://h/vol', 'https://h/vol', 'precomputed'],
  ['precomputed://gs://b/vol', 'gs://b/vol', 'precomputed'],
  ['precomputed:///data/vol', '/data/vol', 'precomputed'],
  ['PRECOMPUTED://file:///data/vol', 'file:///data/vol', 'precomputed'],
  ['https://console.cloud.google.com/storage/browser/b/vol', 'gs://b/vol', undefined],
  ['zarr://https://h/v.zarr/', 'https://h/v.zarr', 'zarr'],
  ['zarr2://gs://b/v.zarr', 'gs://b/v.zarr', 'zarr'],
  ['zarr3://gs://b/v.zarr', 'gs://b/v.zarr', 'zarr'],
  ['n5://https://h/v.n5/raw', 'https://h/v.n5/raw', 'n5'],
  ['https://h/vol|neuroglancer-precomputed:', 'https://h/vol', 'precomputed'],
  ['https://h/v.zarr/|zarr3:', 'https://h/v.zarr', 'zarr'],
  ['https://h/v.zarr/|zarr2:em/0/', 'https://h/v.zarr/em/0', 'zarr'],
  ['https://h/vol/info', 'https://h/vol', 'precomputed'],
  ['https://h/v.zarr/zarr.json', 'https://h/v.zarr', 'zarr'],
  ['https://h/v.zarr/.zattrs', 'https://h/v.zarr', 'zarr'],
  ['/data/v.zarr/0/.zarray', '/data/v.zarr/0', 'zarr'],
  ['gs://b/v.n5/attributes.json', 'gs://b/v.n5', 'n5'],
  ['https://h/vol/info?token=a/b', 'https://h/vol?token=a/b', 'precomputed'],
  ['https://h/vol/?token=abc', 'https://h/vol?token=abc', undefined],
  ['/information', '/information', undefined],
  [
    link(encodeURIComponent(JSON.stringify({ layers: [layer('image', 'precomputed://gs://b/em')] }))),
    'gs://b/em',
    'precomputed',
  ],
  [
    link(
      JSON.stringify({
        layers: [layer('segmentation', 'precomputed://gs://b/seg'), layer('image', { url: 'zarr://https://h/em' })],
      }),
    ),
    'https://h/em',
    'zarr',
  ],
  // As links of years ago wrote it.
  [
    link("{'layers':{'em':{'type':'image'_'source':'precomputed://gs://my_bucket/em'}}}"),
    'gs://my_bucket/em',
    'precomputed',
  ],
])('%s', (pasted, url, format) => {
  expect(addressOf(pasted)).toEqual({ url, ...(format && { format }) })
})

describe('refused in words that name what to give instead', () => {
  test.each([
    [link('gs://b/state.json'), /its state lies at gs:\/\/b\/state.json/],
    [
      link(JSON.stringify({ layers: [layer('image', 'gs://b/1'), layer('image', 'gs://b/2')] })),
      /several images; name one of gs:\/\/b\/1, gs:\/\/b\/2/,
    ],
    [link(JSON.stringify({ layers: [layer('segmentation', 'gs://b/1')] })), /shows no image/],
    ['https://h/v.zip|zip:|zarr:', /\|zip: is not read/],
  ])('%s', (pasted, why) => {
    expect(() => addressOf(pasted)).toThrow(why)
  })
  test('schemes', () => {
    expect(() => openFiles('s3://bucket/a/vol')).toThrow('https://bucket.s3.amazonaws.com/a/vol')
    expect(() => openFiles('https://me:secret@h/vol')).toThrow(/^https:\/\/\.\.\.@h\/vol: a name and password/)
    expect(() => openFiles('graphene://https://h/vol')).toThrow(/graphene.*folders, http/)
  })
})
