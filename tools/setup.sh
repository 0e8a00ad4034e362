#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Have the Debian packages of the named lists (packaging/packages/NAME) and a Node.js that the pages'
# build runs on.  Says what is missing, asks unless root or CI, does nothing the second time.
#
# usage: setup.sh LIST...
set -eu
cd "$(dirname "$0")/.."

missing=
for list in "$@"; do
    for package in $(grep -v '^#' "packaging/packages/$list"); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
done
# A Node.js and npm that did not come as packages serve as well.
if command -v npm >/dev/null 2>&1; then
    missing=$(printf '%s\n' $missing | grep -vx npm | tr '\n' ' ' || true)
fi
if [ -n "$(echo $missing)" ]; then
    echo "setup: these Debian packages are missing: $(echo $missing)"
    become=
    if [ "$(id -u)" != 0 ]; then
        become=sudo
        if [ -z "${CI:-}" ]; then
            printf 'setup: install them with sudo apt-get? [y/N] '
            read -r answer || answer=n
            case $answer in y* | Y*) ;; *)
                echo "setup: nothing installed. To do it yourself: apt-get install $(echo $missing)" >&2
                exit 3 ;;
            esac
        fi
    fi
    export DEBIAN_FRONTEND=noninteractive
    $become apt-get update -q
    $become apt-get install -y -q --no-install-recommends $missing
fi

# Debian 12 ships Node.js 18; Vite wants 20.19 or later.  The npm registry carries Node.js as a package.
node_is_new() {
    command -v node >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}
PATH="$PWD/build/node/bin:$PATH"
if ! node_is_new; then
    case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) echo "setup: Node.js 20.19 or later is needed; install it by hand" >&2; exit 3 ;;
    esac
    echo "setup: fetching Node.js 22 from the npm registry"
    mkdir -p build/node-package
    npm install --silent --no-audit --no-fund --no-save --prefix build/node-package "node-linux-$arch@22"
    ln -sfn "node-package/node_modules/node-linux-$arch" build/node
fi
