// One OpenTelemetry trace from the command to the kernels of a block, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector.
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry'
import { setting } from '../domain/settings.ts'

interface Tracing {
  /** Of a client or worker. */
  readonly plugins: OpenTelemetryPlugin[]
  /** What the workflow code needs for it. */
  readonly modules: readonly string[]
  flush(): Promise<void>
}

/** What commands ask over and over is no part of a run. */
const QUESTION = /^(Query|Describe)Workflow|^HandleQuery/

let begun: Promise<Tracing> | undefined

/** Of this process, once. @param name what its spans are said to come from: `hillock-NAME` */
export const tracing = (name: string): Promise<Tracing> => (begun ??= begin(name))

/** Sends what has not been sent yet; a collector that is away is no reason to fail. */
export const flushTraces = async (): Promise<void> => (await begun)?.flush().catch(() => {})

async function begin(name: string): Promise<Tracing> {
  if (setting('OTEL_EXPORTER_OTLP_ENDPOINT') === undefined)
    return { plugins: [], modules: [], flush: () => Promise.resolve() }
  // A tenth of a second to load, which nobody waits for who traces nothing.
  const [{ OpenTelemetryPlugin }, { Resource }, { BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }] =
    await Promise.all([
      import('@temporalio/interceptors-opentelemetry'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ])
  const resource = new Resource({ 'service.name': `hillock-${name}`, 'host.name': hostname() })
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter({ timeoutMillis: 2000 }))
  const onEnd = spanProcessor.onEnd.bind(spanProcessor)
  spanProcessor.onEnd = span => void (QUESTION.test(span.name) || onEnd(span))
  const provider = new NodeTracerProvider({ resource, spanProcessors: [spanProcessor] })
  provider.register()
  const { resolve } = createRequire(import.meta.url)
  return {
    plugins: [new OpenTelemetryPlugin({ resource, spanProcessor })],
    modules: [resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors')],
    flush: () => provider.forceFlush(),
  }
}
