// Where to look at a release: the links that a run prints, and the URL of each layer.
import type { RunConfig } from '../domain/config.ts'
import type { RunResult } from '../domain/contract/run.ts'
import { ownFolders } from '../storage/static-layout.ts'
import type { StackRecord } from '../worker/home.ts'

export interface Links {
  /** URL of each layer, as Neuroglancer and cloud-volume take it. */
  readonly layers: Readonly<Record<string, string>>
  readonly view: string
  /** Page of the release; the manifest for programs. */
  readonly page: string
  readonly temporal: string
  readonly lineage: string
}

/** The list of workflows in Temporal's UI. */
export const workflowsUi = ({ ui, namespace }: Pick<StackRecord, 'ui' | 'namespace'>): string =>
  `${ui}/namespaces/${namespace}/workflows`

export function links(stack: StackRecord, config: RunConfig, result: RunResult): Links {
  const at = `${config.dataset}/${result.release}`
  const names = ownFolders({ layers: result.layerDigests }).map(l => l.layer)
  return {
    layers: Object.fromEntries(names.map(l => [l, `precomputed://${stack.serving}/r/${at}/${l}`])),
    view: `${stack.serving}/view/${at}`,
    page: `${stack.serving}/release/${at}`,
    temporal: `${workflowsUi(stack)}?query=${encodeURIComponent(`HillockDataset = "${config.dataset}" AND WorkflowType = "reconstruct"`)}`,
    lineage: `${stack.serving}/lineage/${at}`,
  }
}
