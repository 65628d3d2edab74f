import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const datasource = z.object({ type: z.string(), uid: z.string() });
const target = z.object({
  refId: z.string().regex(/^[A-Z]$/),
  expr: z.string().min(1),
  legendFormat: z.string().min(1),
  instant: z.boolean().optional(),
  exemplar: z.boolean(),
});

const fieldConfig = z.object({
  defaults: z.object({
    unit: z.string(),
    min: z.number().optional(),
    max: z.number().optional(),
    thresholds: z
      .object({ steps: z.array(z.object({ value: z.number().nullable(), color: z.string() })).min(1) })
      .optional(),
    mappings: z.array(z.object({ options: z.record(z.string(), z.object({ text: z.string() })) })).optional(),
    custom: z.object({ stacking: z.object({ mode: z.string() }).optional() }).optional(),
  }),
  overrides: z.array(
    z.object({
      matcher: z.object({ id: z.literal('byName'), options: z.string() }),
      properties: z.array(
        z.object({
          id: z.literal('color'),
          value: z.object({ mode: z.literal('fixed'), fixedColor: z.string() }),
        }),
      ),
    }),
  ),
});

/** What Grafana needs of a dashboard, and this project's own tools read of it. */
const dashboardSchema = z.object({
  uid: z.string().regex(/^[\w-]{1,40}$/),
  title: z.string().min(1),
  schemaVersion: z.number().int().min(39),
  templating: z.object({
    list: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        label: z.string(),
        current: z.object({ text: z.string(), value: z.string() }),
      }),
    ),
  }),
  annotations: z.object({
    list: z.array(z.object({ name: z.string(), datasource, enable: z.boolean(), expr: z.string().min(1) })),
  }),
  panels: z.array(
    z.object({
      id: z.number().int().positive(),
      type: z.enum(['row', 'stat', 'timeseries']),
      title: z.string().min(1),
      description: z.string().optional(),
      datasource: datasource.optional(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number().positive(), h: z.number().positive() }),
      targets: z.array(target).min(1).optional(),
      fieldConfig: fieldConfig.optional(),
      options: z.object({ textMode: z.string().optional() }).optional(),
      // A row that is collapsed holds its panels by itself; these would go unseen here.
      panels: z.tuple([]).optional(),
    }),
  ),
});

export type WrittenDashboard = z.infer<typeof dashboardSchema>;
export type WrittenPanel = WrittenDashboard['panels'][number];

const FOLDER = new URL('../../config/grafana/dashboards/', import.meta.url);

/** All that Grafana is given. */
export function readDashboards(): WrittenDashboard[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return files.map((name) => readDashboard(new URL(name, FOLDER)));
}

/** The dashboard as it was written, in the form that Grafana loads. @throws ZodError for one that Grafana could not show */
export function readDashboard(file = new URL('magic-hour-bff.json', FOLDER)): WrittenDashboard {
  return dashboardSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}
