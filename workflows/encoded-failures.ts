// Failures as workers of an encrypted Temporal write them: message and stack in a payload, which the codec encrypts.
import { DefaultFailureConverter } from '@temporalio/common'

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
