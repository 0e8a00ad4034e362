// SPDX-License-Identifier: Apache-2.0
// Who is logged in.
import type { Role, Session } from '../gen/api';
import { ApiError, asApiError, get, post, remove, setCsrf, whenSessionLost } from './api';

let session = $state<Session | null>(null);
let checked = $state(false);
let failed = $state<ApiError | null>(null);
let expired = $state(false);

function take(answer: Session): void {
    session = answer;
    setCsrf(answer.csrf);
    expired = false;
    failed = null;
}

whenSessionLost(() => {
    if (session) expired = true;
    session = null;
});

const RANK: Record<Role, number> = { viewer: 0, analyst: 1, admin: 2 };

export const me = {
    get session(): Session | null {
        return session;
    },
    /** False until the server was asked once. */
    get checked(): boolean {
        return checked;
    },
    /** Why the server could not be asked. */
    get failed(): ApiError | null {
        return failed;
    },
    /** The session ended by itself. */
    get expired(): boolean {
        return expired;
    },
    may(role: Role): boolean {
        return session !== null && RANK[session.role] >= RANK[role];
    },
    async check(): Promise<void> {
        try {
            take(await get<Session>('/session'));
        } catch (cause) {
            const error = asApiError(cause);
            failed = error.status === 401 ? null : error;
        }
        checked = true;
    },
    async login(user: string, password: string): Promise<void> {
        take(await post<Session>('/session', { user, password }));
    },
    async changePassword(old: string, fresh: string): Promise<void> {
        await post('/session/password', { old, new: fresh });
        take(await get<Session>('/session'));
    },
    async logout(): Promise<void> {
        await remove('/session');
        session = null;
    },
};
