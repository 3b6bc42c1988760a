// What histories tell of releases and channels: who assembled what from what, who moved or took back which channel, who decided.
import { ChannelValue } from '../releases/channel.ts'
import type { Assembled, Mover, ReleaseInput } from '../contract/release.ts'
import { activityCalls, type ActivityCall, type History } from './history.ts'
import type { DecisionTask } from '../contract/activities.ts'

/** One assembly of a manifest, as its history records it. */
export interface Assembly {
  readonly input: ReleaseInput
  readonly result: Assembled
}

interface Move extends Mover {
  readonly value: ChannelValue
}

export class HistoryFacts {
  readonly assemblies: Assembly[] = []
  readonly moves: Move[] = []
  readonly takenBack: Mover[] = []
  readonly decisions: DecisionTask[] = []

  add(history: History): void {
    for (const call of activityCalls(history)) if (call.result !== undefined) this.call(call)
  }

  private call({ type, input, result }: ActivityCall): void {
    // Whoever can forge histories can leave out what these should hold.
    if (typeof input !== 'object' || input === null) return
    if (type === 'assemble' && result !== null)
      this.assemblies.push({ input: input as ReleaseInput, result: result as Assembled })
    else if (type === 'takeBack') this.takenBack.push(input as Mover)
    else if (type === 'recordDecision') this.decisions.push(input as DecisionTask)
    else if (type === 'publish' || type === 'rollBack') {
      const { dataset, channel, via } = input as Mover
      const value = ChannelValue.safeParse(result).data
      // Else somebody else had set it to the same, or had moved on.
      if (value?.via === via && value) this.moves.push({ dataset, channel, via, value })
    }
  }

  /** The assembly behind a manifest: by its run, or by another run that tells of this release; else whatever its run assembled. */
  assembly(release: string, { runId }: { readonly runId: string }): Assembly | undefined {
    const own = this.assemblies.filter(a => a.input.runId === runId)
    const same = (a: Assembly): boolean => a.result.release === release
    return own.find(same) ?? this.assemblies.find(same) ?? own[0]
  }
}
