// SPDX-License-Identifier: Apache-2.0
// Writes src/gen/api.ts: a TypeScript type for each schema of schema/openapi.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const doc = JSON.parse(readFileSync(new URL('../../schema/openapi.json', import.meta.url), 'utf8'));

/** Names that would hide TypeScript's own. */
const RENAMED = { Record: 'LogRecord', Error: 'ErrorBody' };
const typeName = (name) => RENAMED[name] ?? name;

/** The type of one JSON Schema node, as TypeScript text. */
function type(node, indent = '') {
    if (node.$ref) return typeName(node.$ref.split('/').pop());
    if (node.allOf) return node.allOf.map((part) => type(part, indent)).join(' & ');
    if (node.anyOf) return node.anyOf.map((part) => type(part, indent)).join(' | ');
    if ('const' in node) return JSON.stringify(node.const);
    if (node.enum) return node.enum.map((value) => JSON.stringify(value)).join(' | ');
    if (Array.isArray(node.type))
        return node.type.map((one) => type({ ...node, type: one }, indent)).join(' | ');
    switch (node.type) {
        case 'null': return 'null';
        case 'string': return 'string';
        case 'boolean': return 'boolean';
        case 'integer':
        case 'number': return 'number';
        case 'array': {
            const item = type(node.items, indent);
            return /[ |&{]/.test(item) ? `(${item})[]` : `${item}[]`;
        }
        case 'object': return object(node, indent);
        default: throw new Error(`no type for ${JSON.stringify(node).slice(0, 80)}`);
    }
}

function object(node, indent) {
    const inner = indent + '    ';
    const required = new Set(node.required ?? []);
    const lines = Object.entries(node.properties ?? {}).map(([name, schema]) => {
        const doc = schema.description ? `${inner}/** ${schema.description} */\n` : '';
        return `${doc}${inner}${name}${required.has(name) ? '' : '?'}: ${type(schema, inner)};`;
    });
    if (node.additionalProperties === true) lines.push(`${inner}[member: string]: unknown;`);
    return lines.length ? `{\n${lines.join('\n')}\n${indent}}` : 'Record<string, never>';
}

const out = ['// Generated from schema/openapi.json by tools/types.mjs. Do not edit.', ''];
for (const [name, schema] of Object.entries(doc.components.schemas)) {
    if (schema.description) out.push(`/** ${schema.description} */`);
    out.push(`export type ${typeName(name)} = ${type(schema)};`, '');
}
mkdirSync(new URL('../src/gen/', import.meta.url), { recursive: true });
writeFileSync(new URL('../src/gen/api.ts', import.meta.url), out.join('\n'));
