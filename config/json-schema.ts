import { z } from 'zod';
import { configurationSchema } from './schema.ts';

/**
 * The configuration file's JSON Schema (draft 7, which editors know best), for completion and hints while writing it.
 * It says less than `configurationSchema`: what keys mean together is only checked when the file is loaded.
 */
export function configurationJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(configurationSchema, { io: 'input', target: 'draft-7' });
  return { $schema, title: 'Presence Gateway configuration', ...schema };
}
