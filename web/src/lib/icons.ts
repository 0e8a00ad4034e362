// SPDX-License-Identifier: Apache-2.0
// The drawings of ui/Icon.svelte, as paths on a field of 24 by 24.
export const PATHS = {
    today: 'M4 11.5 12 5l8 6.5M6.5 10v9h11v-9M10.5 19v-5h3v5',
    detections: 'M12 4 2.8 19.5h18.4L12 4Zm0 6.2v4.3m0 2.4v.2',
    incidents: 'M5 5.5h5v4H5zM14 14.5h5v4h-5zM7.5 9.5v4.2a2.8 2.8 0 0 0 2.8 2.8H14M14 5.5h5v4h-5zM10 7.5h4',
    hosts: 'M4 5.5h16v10H4zM9 19.5h6M12 15.5v4',
    network: 'M9 3.5h6v5H9zM3.5 15.5h6v5h-6zM14.5 15.5h6v5h-6zM12 8.5v3.5M6.5 15.5V12h11v3.5',
    search: 'M10.5 17a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13Zm4.8-1.7L20.5 20.5',
    health: 'M3 12.5h4l2.5-6 4 11 2.5-5h5',
    objects: 'M12 20.5a8.5 8.5 0 1 1 0-17 8.5 8.5 0 0 1 0 17Zm0-4.8a3.7 3.7 0 1 1 0-7.4 3.7 3.7 0 0 1 0 7.4ZM12 1.8v4.4m0 11.6v4.4M1.8 12h4.4m11.6 0h4.4',
    notices: 'M3.5 6h17v12h-17zM3.5 7l8.5 6.5L20.5 7',
    exceptions: 'M12 20.5a8.5 8.5 0 1 1 0-17 8.5 8.5 0 0 1 0 17ZM6 6l12 12',
    users: 'M9 11.5a3.5 3.5 0 1 1 0-7 3.5 3.5 0 0 1 0 7Zm-6.5 8c.4-3.6 3-5.5 6.5-5.5s6.1 1.9 6.5 5.5M16 4.8a3.4 3.4 0 0 1 0 6.4m2 3.1c2 .7 3.2 2.4 3.5 5.2',
    audit: 'M6 3.5h9l4 4v13H6zM9.5 11h6M9.5 15h6M14.5 3.5V8H19',
    password: 'M8 14.5a4 4 0 1 1 3.6-5.7H21v3.4h-2.2v2.6h-3.4v-2.6h-3.8A4 4 0 0 1 8 14.5Z',
    critical: 'M8 2.8h8L21.2 8v8L16 21.2H8L2.8 16V8L8 2.8Zm4 4.4v6.2m0 3v.3',
    high: 'M12 3.5 2.5 20h19L12 3.5Zm0 6v5m0 2.7v.2',
    medium: 'M12 2.8 21.2 12 12 21.2 2.8 12 12 2.8Zm0 4.9v5m0 2.8v.2',
    low: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Zm0-13.5v6m0 2.6v.2',
    info: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Zm0-10.2v6m0-9v.2',
    ok: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Zm-4.2-8.7 3 3 5.4-6',
    replay: 'M4.5 12a7.5 7.5 0 1 0 2.4-5.5L4.5 8.8M4.5 4.5v4.3h4.3',
    arrow: 'M5 12h13m-5-5 5 5-5 5',
    menu: 'M4 7h16M4 12h16M4 17h16',
    close: 'M6 6l12 12M18 6 6 18',
    globe: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Zm0-18c-5 5-5 13 0 18 5-5 5-13 0-18ZM3.4 9.5h17.2M3.4 14.5h17.2',
};
export type IconName = keyof typeof PATHS;
