// Search attributes: what a workflow is about, for the lists of Temporal's UI and of the client.
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common'

export const searchAttributes = {
  dataset: defineSearchAttributeKey('HillockDataset', 'KEYWORD'),
  stages: defineSearchAttributeKey('HillockStage', 'KEYWORD_LIST'),
  release: defineSearchAttributeKey('HillockRelease', 'KEYWORD'),
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
