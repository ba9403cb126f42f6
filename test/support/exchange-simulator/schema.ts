// The official schemas as the judge of messages.
// docs: messages.xsd and types.xsd of the EWS virtual directory, brought together by soap-envelope-check.xsd

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XmlDocument, XmlLibError, XsdValidator } from 'libxml2-wasm';
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs';

const validators = new Map<string, XsdValidator>();

/**
 * Checks a whole SOAP message against the official EWS schemas.
 *
 * @param schemasFolder the folder with messages.xsd, types.xsd and soap-envelope-check.xsd
 * @returns what is wrong with it, with line numbers; empty when it is valid
 * @throws Error when the schemas can't be read
 */
export function validateEws(xml: string, schemasFolder: string): readonly string[] {
  const validator = validatorOf(schemasFolder);
  let document: XmlDocument | undefined;
  try {
    document = XmlDocument.fromString(xml);
    validator.validate(document);
    return [];
  } catch (error) {
    if (!(error instanceof XmlLibError)) throw error;
    const details = error.details.map(({ line, message }) => `line ${line}: ${message.trim()}`);
    return details.length > 0 ? details : [error.message];
  } finally {
    document?.dispose();
  }
}

/** Compiling takes a third of a second, so each folder's schemas are compiled once. */
function validatorOf(folder: string): XsdValidator {
  const known = validators.get(folder);
  if (known !== undefined) return known;
  if (validators.size === 0) xmlRegisterFsInputProviders();
  const file = join(folder, 'soap-envelope-check.xsd');
  const document = XmlDocument.fromBuffer(readFileSync(file), { url: file });
  try {
    const validator = XsdValidator.fromDoc(document);
    validators.set(folder, validator);
    return validator;
  } finally {
    document.dispose();
  }
}
