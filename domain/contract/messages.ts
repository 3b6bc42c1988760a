// Every message that a running workflow takes: defined once, for the workflow that handles it and for whoever sends it.
import type { QueryDefinition, SignalDefinition, UpdateDefinition } from '@temporalio/common'
import type { Progress } from './run.ts'
import type { Pause, Resume, Spent } from '../control.ts'
import type { Gate, GateDecision, SagaStep, StepOrder } from '../operator.ts'

// What `defineQuery` and its like of the workflow library make, which the command line need not load for it.
const query = <R>(name: string) => ({ type: 'query', name }) as QueryDefinition<R>
const signal = <T>(name: string) => ({ type: 'signal', name }) as SignalDefinition<[T]>
const update = <R, T>(name: string) => ({ type: 'update', name }) as UpdateDefinition<R, [T]>

/** How far a run, or what it has started for many cells, has come. */
export const progress = query<Progress>('progress')
/** The gates that a workflow has come to, and the steps of its saga. */
export const gates = query<readonly Gate[]>('gates')
export const saga = query<readonly SagaStep[]>('saga')

export const pause = update<readonly Pause[], Pause>('pause')
export const resume = update<readonly Pause[], Resume>('resume')
export const decide = update<Gate, GateDecision>('decide')
/** What is to become of a step that keeps failing. */
export const resolve = update<readonly SagaStep[], StepOrder>('resolve')

/** From a workflow to those that it has started: what is held back now. */
export const pauses = signal<readonly Pause[]>('pauses')
/** From a workflow below to its run. */
export const spent = signal<Spent>('spent')
