// SPDX-License-Identifier: Apache-2.0
// The live connection (server-sent events). It says whether it is live, reconnects with
// back-off, and takes silence for a broken line: the server ticks every second.
import type { Detection, HealthTick, Hello, IncidentBrief, RoleEvent } from '../gen/api';
import { instant } from './format';
import { me } from './session.svelte';

const SILENCE_MS = 20_000;
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 30;
const BACK_TOLD_MS = 60_000; // a part that is back is told for so long

export type LiveState = 'connecting' | 'live' | 'off';
type Listener = (detection: Detection) => void;

let state = $state<LiveState>('connecting');
let retryIn = $state(0);
let tick = $state.raw<HealthTick | null>(null);
let roles = $state.raw<RoleEvent[]>([]); // what to tell: stopped parts, and those just back
let connections = $state(0); // hello seen so many times; pages reload what they missed

let source: EventSource | null = null;
let wait = FIRST_WAIT_S;
let heardAt = 0;
let timer: ReturnType<typeof setInterval> | undefined;
let clockOffsetMs = 0;
const listeners = new Set<Listener>();
const incidentListeners = new Set<(incident: IncidentBrief) => void>();
const tickListeners = new Set<(tick: HealthTick) => void>();

/** The server's "now" in milliseconds; in a replay that is the time of the recording. */
export const serverNow = (): number => Date.now() + clockOffsetMs;

export function setServerNow(now: string): void {
    const at = instant(now);
    if (!Number.isNaN(at)) clockOffsetMs = at - Date.now();
}

/** One line per part of the sensor; one that starts without having stopped is not worth telling. */
export function told(known: RoleEvent[], said: RoleEvent): RoleEvent[] {
    const others = known.filter((one) => one.role !== said.role);
    return said.state === 'running' && others.length === known.length ? known : [...others, said];
}

function heard<T>(event: Event): T | null {
    heardAt = Date.now();
    try {
        return JSON.parse((event as MessageEvent<string>).data) as T;
    } catch {
        return null; // a damaged event is not worth the connection
    }
}

function connect(): void {
    source?.close();
    heardAt = Date.now();
    const opened = new EventSource('/api/v1/events');
    source = opened;
    opened.addEventListener('hello', (event) => {
        const hello = heard<Hello>(event);
        if (hello) setServerNow(hello.now);
        state = 'live';
        roles = []; // the health page knows what happened meanwhile
        wait = FIRST_WAIT_S;
        connections += 1;
    });
    opened.addEventListener('health', (event) => {
        const said = heard<HealthTick>(event);
        if (!said) return;
        tick = said;
        for (const listen of tickListeners) listen(said);
    });
    opened.addEventListener('detection', (event) => {
        const detection = heard<Detection>(event);
        if (detection) for (const listen of listeners) listen(detection);
    });
    opened.addEventListener('incident', (event) => {
        const incident = heard<IncidentBrief>(event);
        if (incident) for (const listen of incidentListeners) listen(incident);
    });
    opened.addEventListener('role', (event) => {
        const said = heard<RoleEvent>(event);
        if (said) roles = told(roles, said);
        if (said?.state === 'running') setTimeout(() => (roles = roles.filter((one) => one !== said)), BACK_TOLD_MS);
    });
    opened.onerror = () => lost();
}

function lost(): void {
    source?.close();
    source = null;
    if (state !== 'off') void me.check(); // an ended session looks like a broken line
    state = 'off';
    tick = null;
    retryIn = wait;
    wait = Math.min(wait * 2, LONGEST_WAIT_S);
}

function everySecond(): void {
    if (source) {
        if (Date.now() - heardAt > SILENCE_MS) lost();
        return;
    }
    retryIn -= 1;
    if (retryIn <= 0) connect();
}

export const live = {
    get state(): LiveState {
        return state;
    },
    get retryIn(): number {
        return Math.max(retryIn, 0);
    },
    get tick(): HealthTick | null {
        return tick;
    },
    get roles(): RoleEvent[] {
        return roles;
    },
    get connections(): number {
        return connections;
    },
    start(): void {
        if (timer) return;
        state = 'connecting';
        connect();
        timer = setInterval(everySecond, 1000);
    },
    stop(): void {
        clearInterval(timer);
        timer = undefined;
        source?.close();
        source = null;
    },
    retryNow(): void {
        connect();
    },
    /** Called for every detection, new or repeated; returns how to stop. */
    onDetection(listen: Listener): () => void {
        listeners.add(listen);
        return () => listeners.delete(listen);
    },
    /** Called when an incident begins or says more. */
    onIncident(listen: (incident: IncidentBrief) => void): () => void {
        incidentListeners.add(listen);
        return () => incidentListeners.delete(listen);
    },
    onTick(listen: (tick: HealthTick) => void): () => void {
        tickListeners.add(listen);
        return () => tickListeners.delete(listen);
    },
};
