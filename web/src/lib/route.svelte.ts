// SPDX-License-Identifier: Apache-2.0
// The address after "#" holds the page and all of its state, so that a page can be bookmarked,
// sent to a colleague and reached with the back button.

export type Params = Record<string, string>;
export interface Route {
    path: string[];
    params: Params;
}

export function parse(hash: string): Route {
    const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
    return {
        path: path.split('/').filter(Boolean).map(decode),
        params: Object.fromEntries(new URLSearchParams(query)),
    };
}

function decode(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part; // a stray % typed by hand
    }
}

/** Empty parameters are left out. */
export function href(path: string | string[], params: Record<string, string | undefined> = {}): string {
    const parts = typeof path === 'string' ? [path] : path;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) if (value) query.set(name, value);
    const text = query.toString();
    return `#/${parts.map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`;
}

let now = $state<Route>(parse(globalThis.location?.hash ?? ''));
globalThis.addEventListener?.('hashchange', () => {
    now = parse(location.hash);
});

export const route = {
    get path(): string[] {
        return now.path;
    },
    get params(): Params {
        return now.params;
    },
    get page(): string {
        return now.path[0] ?? 'today';
    },
};

/** The time box of this page, for links that should look at the same time. */
export function timeParams(): Params {
    const kept: Params = {};
    for (const name of ['range', 'from', 'to']) {
        const value = now.params[name];
        if (value) kept[name] = value;
    }
    return kept;
}

/** Changes parameters of this page. `replace` leaves no step for the back button. */
export function setParams(changes: Record<string, string | undefined>, replace = false): void {
    const target = href(now.path, { ...now.params, ...changes });
    if (target === location.hash) return;
    if (replace) {
        history.replaceState(null, '', target);
        now = parse(target);
    } else {
        location.hash = target;
    }
}

export function go(target: string): void {
    location.hash = target;
}
