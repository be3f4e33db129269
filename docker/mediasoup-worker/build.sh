#!/bin/sh
# Builds the mediasoup worker from the npm package's own sources against Debian's libraries, without a network.
# usage: build.sh MEDIASOUP_PACKAGE_FOLDER OUTPUT_FILE
set -eu
package=$1 output=$2
recipe=$(cd "$(dirname "$0")" && pwd)
build=$(mktemp -d)
trap 'trap "" HUP INT TERM; rm -rf "$build"' EXIT
trap 'exit 1' HUP INT TERM

# patch FILE SED_EXPRESSION: a patch that finds nothing to change means that the package is not the one it was made for.
patch() {
  cp "$build/$1" "$build/before"
  sed "$2" "$build/before" >"$build/$1"
  if cmp -s "$build/before" "$build/$1"; then
    echo "mediasoup's worker/$1 has changed: docker/mediasoup-worker/build.sh has to be adapted." >&2
    exit 1
  fi
}

cp -R "$package/worker/." "$build"
# A wrap names a download; the folders laid here instead give the system's libraries.
rm -f "$build"/subprojects/*.wrap
cp -R "$recipe/subprojects/." "$build/subprojects"

# Debian 12 has Meson 1.0.1, and nothing in this build needs more.
patch meson.build "s/meson_version: '>= 1.1.0'/meson_version: '>= 1.0.0'/"
# OpenSSL passes BIO_CB_RETURN together with the operation's own bits, and the answer to that call becomes the
# operation's result. Compared for equality it never matches, so every control call answers 1; to an OpenSSL that knows
# kernel TLS, as Debian's does, this says that kernel TLS is on: no write buffer is allocated, and the first DTLS write
# crashes the worker.
patch src/RTC/DtlsTransport.cpp 's/(operationType == BIO_CB_RETURN) ?/((operationType \& BIO_CB_RETURN) != 0) ?/'

if ! meson setup "$build/out" "$build" --buildtype release -Db_ndebug=true --wrap-mode nodownload >"$build/log" 2>&1; then
  cat "$build/log" >&2
  exit 1
fi
quiet=--quiet
if [ -t 1 ]; then quiet=; fi
ninja -C "$build/out" $quiet mediasoup-worker
mkdir -p "$(dirname "$output")"
strip -o "$output" "$build/out/mediasoup-worker"
