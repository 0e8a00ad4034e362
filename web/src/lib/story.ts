// SPDX-License-Identifier: Apache-2.0
// An incident as its pages draw it: numbered steps, lanes, and a graph in columns.
import type { Incident, IncidentDetail, IncidentHost, IncidentStep, Severity } from '../gen/api';

export type Part = IncidentHost['role'];
export const PARTS: readonly Part[] = ['first', 'spread', 'entered', 'same', 'targeted'];

/** "a b c" of a record as a list. */
export const words = (text: string | undefined): string[] => (text ? text.split(' ').filter(Boolean) : []);

/** Steps that are findings, or join others; plain information only on demand. */
export const isTelling = (step: IncidentStep): boolean => step.severity !== 'info' || !step.detection_id;

export interface NumberedStep extends IncidentStep {
    no: number;
    detection: number | null; // number of its detection in this store
}

export function numbered(of: IncidentDetail, all: boolean): NumberedStep[] {
    const ids = new Map(of.detections.map((one) => [one.key, one.id]));
    return (of.incident.steps ?? [])
        .filter((step) => all || isTelling(step))
        .map((step, at) => ({ ...step, no: at + 1, detection: (step.alert_key && ids.get(step.alert_key)) || null }));
}

/** Machines by their part in it, each in the order of time. */
export function byPart(of: Incident): { part: Part; hosts: IncidentHost[] }[] {
    return PARTS.map((part) => ({ part, hosts: (of.hosts ?? []).filter((host) => host.role === part) }))
        .filter((group) => group.hosts.length > 0);
}

export const OUTSIDE = 'outside';

/** Lanes of the picture: the machines, and one for all that is outside. */
export function lanes(of: Incident, steps: NumberedStep[]): string[] {
    const inside = byPart(of).flatMap((group) => group.hosts.map((host) => host.address));
    const known = new Set(inside);
    const used = inside.filter((address) => steps.some((step) => step.host === address || step.from === address || step.to === address));
    const others = steps.some((step) => [step.from, step.to].some((end) => end && !known.has(end)) || outsideOf(step));
    return others ? [OUTSIDE, ...used] : used;
}

/** Does the step reach something that is no machine of the story? */
export const outsideOf = (step: IncidentStep): boolean => words(step.objects).length > 0;

/** Did the step bring something in, rather than reach out? */
export const cameIn = (step: IncidentStep): boolean => step.phase === 'point_of_entry';

export type NodeKind = Part | 'place' | 'file' | 'mail' | 'link' | 'user';
export interface GraphNode {
    id: string;
    kind: NodeKind;
    label: string;
    detail: string;
    x: number;
    y: number;
    column: number;
}
export interface GraphEdge {
    from: GraphNode;
    to: GraphNode;
    severity: Severity;
    steps: number[];
}
export interface Graph {
    nodes: GraphNode[];
    edges: GraphEdge[];
    columns: number;
    rows: number;
    left: number; // nodes that found no room
}

const MOST_NODES = 150;
const MOST_THINGS = 40;
const ORDER: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical'];

const LAST_COLUMN = 4;

/** Who has to do with whom and what, in columns: what the first machine met outside, the first machine, whom it
 *  reached and the accounts it used, whom these reached. */
export function graph(of: Incident, steps: NumberedStep[]): Graph {
    const nodes = new Map<string, GraphNode>();
    const edges = new Map<string, GraphEdge>();
    let left = 0;
    const add = (id: string, kind: NodeKind, label: string, detail: string, column: number): GraphNode | null => {
        const known = nodes.get(id);
        if (known) return known;
        if (nodes.size >= MOST_NODES) {
            left += 1;
            return null;
        }
        const made = { id, kind, label, detail, x: 0, y: 0, column };
        nodes.set(id, made);
        return made;
    };
    const join = (a: GraphNode | null, b: GraphNode | null, step: NumberedStep): void => {
        if (!a || !b || a === b) return;
        const key = `${a.id}>${b.id}`;
        const edge = edges.get(key) ?? { from: a, to: b, severity: step.severity, steps: [] };
        if (ORDER.indexOf(step.severity) > ORDER.indexOf(edge.severity)) edge.severity = step.severity;
        if (!edge.steps.includes(step.no)) edge.steps.push(step.no);
        edges.set(key, edge);
    };
    for (const group of byPart(of))
        for (const host of group.hosts) {
            const by = host.from ?? steps.find((step) => step.to === host.address && step.from !== host.address)?.from;
            const before = by ? nodes.get(by) : undefined;
            const column = host.role === 'first' || host.role === 'same' ? 1 : Math.min(LAST_COLUMN, (before?.column ?? 1) + 1);
            add(host.address, host.role, host.name || host.address, host.name ? host.address : '', column);
        }
    // What the first machines met stands to their left, what later ones met to their right.
    const beside = (actor: GraphNode | null): number => (actor && actor.column > 1 ? Math.min(LAST_COLUMN, actor.column + 1) : 0);
    const known = new Map((of.objects ?? []).slice(0, MOST_THINGS).map((thing) => [thing.value, thing]));
    for (const step of steps) {
        const actor = nodes.get(step.from ?? '') ?? nodes.get(step.host) ?? null;
        const target = step.to && step.to !== step.from ? (nodes.get(step.to) ?? null) : null;
        join(actor, target, step);
        // A place is drawn by its name; its address stands in the list of the scope.
        const things = words(step.objects).filter((value) => known.has(value));
        const named = things.filter((value) => known.get(value)?.kind !== 'place' || value !== step.to || things.length === 1);
        for (const value of named) {
            const thing = known.get(value);
            if (!thing) continue;
            const node = add(`thing ${value}`, thing.kind, thing.name || value, thing.name ? value : '', beside(actor));
            if (cameIn(step)) join(node, actor, step);
            else join(actor, node, step);
        }
        if (step.user && isTelling(step)) join(actor, add(`user ${step.user.toLowerCase()}`, 'user', step.user, '', Math.min(LAST_COLUMN, (actor?.column ?? 1) + 1)), step);
    }
    const perColumn: number[] = new Array<number>(LAST_COLUMN + 1).fill(0);
    for (const node of nodes.values()) {
        node.y = perColumn[node.column] ?? 0;
        perColumn[node.column] = node.y + 1;
    }
    const filled = perColumn.map((count, at) => (count > 0 ? at : -1)).filter((at) => at >= 0);
    for (const node of nodes.values()) node.x = filled.indexOf(node.column);
    return { nodes: [...nodes.values()], edges: [...edges.values()], columns: filled.length, rows: Math.max(1, ...perColumn), left };
}
