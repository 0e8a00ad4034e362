// SPDX-License-Identifier: Apache-2.0
// The menu: one line per page. A new page is one line here and one in Shell.svelte.
import type { Role } from '../gen/api';
import type { IconName } from './icons';
import type { Key } from './i18n.svelte';

export interface MenuItem {
    page: string;
    label: Key;
    icon: IconName;
    role?: Role;
}
export interface MenuGroup {
    label?: Key;
    items: MenuItem[];
}

export const MENU: readonly MenuGroup[] = [
    {
        items: [
            { page: 'today', label: 'nav.today', icon: 'today' },
            { page: 'incidents', label: 'nav.incidents', icon: 'incidents' },
            { page: 'detections', label: 'nav.detections', icon: 'detections' },
            { page: 'hosts', label: 'nav.hosts', icon: 'hosts' },
            { page: 'network', label: 'nav.network', icon: 'network' },
            { page: 'search', label: 'nav.search', icon: 'search' },
        ],
    },
    {
        label: 'nav.settings',
        items: [
            { page: 'health', label: 'nav.health', icon: 'health' },
            { page: 'objects', label: 'nav.objects', icon: 'objects' },
            { page: 'notices', label: 'nav.notices', icon: 'notices' },
            { page: 'exceptions', label: 'nav.exceptions', icon: 'exceptions' },
            { page: 'users', label: 'nav.users', icon: 'users', role: 'admin' },
            { page: 'audit', label: 'nav.audit', icon: 'audit', role: 'admin' },
            { page: 'password', label: 'nav.password', icon: 'password' },
        ],
    },
];
