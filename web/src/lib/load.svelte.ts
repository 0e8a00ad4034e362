// SPDX-License-Identifier: Apache-2.0
// One answer of the server on a page: loading, then data or an error. While a newer answer is
// on its way the older one stays on the screen.
import { type ApiError, asApiError } from './api';

export class Load<T> {
    data = $state.raw<T | null>(null);
    error = $state.raw<ApiError | null>(null);
    busy = $state(false);
    #abort: AbortController | null = null;

    /** A later call cancels an earlier one; only the last answer counts. */
    async run(ask: (signal: AbortSignal) => Promise<T>): Promise<void> {
        this.#abort?.abort();
        const abort = new AbortController();
        this.#abort = abort;
        this.busy = true;
        try {
            const data = await ask(abort.signal);
            if (abort.signal.aborted) return;
            this.data = data;
            this.error = null;
        } catch (cause) {
            if (abort.signal.aborted) return;
            this.error = asApiError(cause);
        }
        this.busy = false;
    }

    stop(): void {
        this.#abort?.abort();
        this.busy = false;
    }
}
