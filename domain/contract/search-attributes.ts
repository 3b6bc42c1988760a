// Search attributes: what a workflow is about, for the lists of Temporal's UI and of the client.
import type { SearchAttributePair } from '@temporalio/common'

export const searchAttributes = {
  dataset: { name: 'HillockDataset', type: 'KEYWORD' },
  stages: { name: 'HillockStage', type: 'KEYWORD_LIST' },
  release: { name: 'HillockRelease', type: 'KEYWORD' },
} as const

interface About {
  readonly dataset?: string | undefined
  readonly stages?: readonly string[]
  readonly release?: string | undefined
}

export const attributesOf = ({ dataset, stages, release }: About): SearchAttributePair[] => [
  ...(dataset === undefined ? [] : [{ key: searchAttributes.dataset, value: dataset }]),
  ...(stages === undefined ? [] : [{ key: searchAttributes.stages, value: [...stages] }]),
  ...(release === undefined ? [] : [{ key: searchAttributes.release, value: release }]),
]
