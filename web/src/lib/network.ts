// SPDX-License-Identifier: Apache-2.0
// The picture of the network page: zones in three columns, what crosses between them as lines.
import type { Network, Zone, ZoneFlow, ZoneKind, ZonePair } from '../gen/api';

export const OUTSIDE = 'outside';
export const UNLISTED = 'unlisted';

export interface ZoneNode {
    name: string; // as the plan has it; outside and unlisted beside it
    zone: Zone | null;
    column: number;
    row: number;
}
export interface ZoneEdge {
    from: ZoneNode;
    to: ZoneNode;
    flow: ZoneFlow;
}
export interface Picture {
    nodes: ZoneNode[];
    edges: ZoneEdge[];
    rows: number;
}

const COLUMN: Record<ZoneKind, number> = {
    internet: 0, guest: 0,
    office: 1, management: 1, devices: 1, other: 1,
    server: 2, 'personal-number': 2, lgwan: 2, medical: 2, control: 2,
};

/** Zones of the plan, and those beside it that something came from or went to. */
export function picture(of: Network): Picture {
    const known = new Map(of.zones.map((zone) => [zone.name, zone]));
    const names = new Set([...known.keys(), ...of.flows.flatMap((flow) => [flow.from, flow.to])]);
    const filled = [0, 0, 0];
    const nodes = [...names]
        .sort((a, b) => Number(b === OUTSIDE) - Number(a === OUTSIDE)) // outside stands first
        .map((name): ZoneNode => {
            const zone = known.get(name) ?? null;
            const column = zone ? COLUMN[zone.kind] : name === OUTSIDE ? 0 : 1;
            const row = filled[column] ?? 0;
            filled[column] = row + 1;
            return { name, zone, column, row };
        });
    const at = new Map(nodes.map((node) => [node.name, node]));
    const edges: ZoneEdge[] = [];
    for (const flow of of.flows) {
        const from = at.get(flow.from);
        const to = at.get(flow.to);
        if (from && to && from !== to) edges.push({ from, to, flow });
    }
    edges.sort((a, b) => gravity(a.flow) - gravity(b.flow)); // what matters is drawn last, on top
    return { nodes, edges, rows: Math.max(1, ...filled) };
}

const gravity = (flow: ZoneFlow): number => (flow.forbidden ? 2 : flow.attempts ? 1 : 0);

export type Verdict = 'forbidden' | 'attempts' | 'allowed';
export const verdict = (flow: ZoneFlow): Verdict => (flow.forbidden ? 'forbidden' : flow.attempts ? 'attempts' : 'allowed');
export const pairVerdict = (pair: ZonePair): Verdict => (!pair.forbidden ? 'allowed' : pair.answered ? 'forbidden' : 'attempts');

/** tcp/445 */
export function service(pair: ZonePair): string {
    if (pair.proto === 1 || pair.proto === 58) return 'ping';
    const transport = pair.proto === 6 ? 'tcp' : pair.proto === 17 ? 'udp' : `ip ${pair.proto}`;
    return `${transport}/${pair.port}`;
}
