#!/bin/sh
# need.sh PACKAGE CHECK...: run CHECK; when it fails install the Debian package if we may, else say how, and fail.
set -eu
package=$1
shift
"$@" >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    install="apt-get install --quiet --quiet --yes --no-install-recommends $package"
    echo "Installing $package" >&2
    # The package lists of a fresh machine are empty or old: only then are they worth fetching.
    { $install || { apt-get update --quiet --quiet && $install; }; } </dev/null >/dev/null || true
    "$@" >/dev/null 2>&1 && exit 0
fi
echo "$package is missing: install it first (Debian: apt-get install $package)" >&2
exit 1
