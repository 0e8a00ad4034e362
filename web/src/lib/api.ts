// SPDX-License-Identifier: Apache-2.0
// Calls of the HTTP API (schema/openapi.json). Every failure is an ApiError with a sentence for
// the reader in both languages.
import type { ErrorBody, Text } from '../gen/api';
import en from '../locales/en.json';
import ja from '../locales/ja.json';

const BASE = '/api/v1';
const TIMEOUT_MS = 30_000;

export class ApiError extends Error {
    constructor(
        readonly status: number, // 0: no answer
        readonly code: string,
        readonly text: Text,
        readonly pos?: number,
        readonly retryAfterSeconds?: number,
    ) {
        super(text.en);
    }
}

let csrf = '';
let onSessionLost: () => void = () => {};

export function setCsrf(token: string): void {
    csrf = token;
}

/** What to do when the server says that nobody is logged in. */
export function whenSessionLost(act: () => void): void {
    onSessionLost = act;
}

export type Query = Record<string, string | number | undefined>;

function address(path: string, query: Query): string {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
        if (value !== undefined && value !== '') params.set(name, String(value));
    const text = params.toString();
    return `${BASE}${path}${text ? `?${text}` : ''}`;
}

async function failure(response: Response): Promise<ApiError> {
    const wait = Number(response.headers.get('Retry-After')) || undefined;
    try {
        const { error } = (await response.json()) as ErrorBody;
        return new ApiError(response.status, error.code, error.message, error.pos, wait);
    } catch {
        const text = { ja: `${ja['error.http']} (${response.status})`, en: `${en['error.http']} (${response.status})` };
        return new ApiError(response.status, 'http', text, undefined, wait);
    }
}

async function call<T>(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (method !== 'GET') headers['X-CSRF-Token'] = csrf;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    let response: Response;
    try {
        response = await fetch(url, {
            method,
            headers,
            body: body === undefined ? null : JSON.stringify(body),
            credentials: 'same-origin',
            cache: 'no-store',
            signal: signal ? AbortSignal.any([signal, limit]) : limit,
        });
    } catch (cause) {
        if (signal?.aborted) throw cause;
        throw new ApiError(0, 'unreachable', { ja: ja['error.unreachable'], en: en['error.unreachable'] });
    }
    if (!response.ok) {
        const error = await failure(response);
        if (error.code === 'login_required') onSessionLost();
        throw error;
    }
    return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
    call<T>('GET', address(path, query), undefined, signal);
export const post = <T>(path: string, body: unknown): Promise<T> => call<T>('POST', BASE + path, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => call<T>('PATCH', BASE + path, body);
export const remove = (path: string): Promise<void> => call<void>('DELETE', BASE + path);

export const asApiError = (cause: unknown): ApiError =>
    cause instanceof ApiError
        ? cause
        : new ApiError(0, 'page', { ja: ja['error.page'], en: en['error.page'] });
