// Steps of a release or a rollback as a page shows them, with what a person can say to one that keeps failing.
import type { SagaStep } from '../../domain/operator.ts'
import { action, ifOperator, type May } from './actions.ts'
import { html, table, type Html, type Part } from './html.ts'

/** What a step or gate belongs to. */
export type Of<T> = T & { readonly workflowId: string }

const ACTIONS = { retry: 'Try again', skip: 'Leave it', done: 'It was done by hand' } as const

/** @param here the page, to come back to */
export const stuckSteps = (steps: readonly Of<SagaStep>[], may: May, here: string): Html[] =>
  steps
    .filter(s => s.state === 'stuck')
    .map(s => {
      const [, dataset] = s.workflowId.split('/')
      const fields = html`<input type="hidden" name="workflow" value="${s.workflowId}" />
        <input type="hidden" name="step" value="${s.name}" />`
      const buttons = Object.entries(ACTIONS).map(([a, text]) => ({
        text,
        path: `/operate/${dataset}/steps/${a}`,
        plain: a !== 'retry',
      }))
      return html`<div class="card" id="stuck-${s.name}">
        <p><b>${s.name} of ${s.workflowId} keeps failing</b></p>
        <p class="warn">${s.error}</p>
        ${ifOperator(may, here, action(`step-${s.name}`, fields, buttons))}
      </div>`
    })

/** Rollbacks that are under way. */
export const rollbacksUnderWay = (steps: readonly Of<SagaStep>[], may: May, here: string): Part =>
  [...Map.groupBy(steps, s => s.workflowId)].map(
    ([id, own]) =>
      html`<div class="card" id="${id}">
          <p><b>${id} is under way</b></p>
          ${table(
            ['step', 'state'],
            own.map(s => [s.name, s.state]),
            2,
          )}
        </div>
        ${stuckSteps(own, may, here)}`,
  )
