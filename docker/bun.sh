#!/bin/sh
# Prints the folder of a Bun that is new enough: the one on PATH, or one installed from npm into Sluice's cache.
# usage: bun.sh CACHE_FOLDER
set -eu
cd "$(dirname "$0")/.."

if bun -e 'process.exit(Bun.semver.satisfies(Bun.version, require("./package.json").engines.bun) ? 0 : 1)' >/dev/null 2>&1; then
  dirname "$(command -v bun)"
  exit
fi

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  {
    echo 'Sluice runs on Bun, and installs it by npm, which is not here. Install one of the two:'
    echo '  Debian:  sudo apt-get install nodejs npm'
    echo '  macOS:   brew install node'
  } >&2
  exit 1
fi

# The oldest version that package.json allows is the one that Sluice is tested with.
version=$(node -p 'require("./package.json").engines.bun.match(/\d+\.\d+\.\d+/)[0]')
folder=$1/bun-$version
if ! "$folder/node_modules/.bin/bun" --version >/dev/null 2>&1; then
  echo "Installing Bun $version (100 MB, seconds to a minute) ..." >&2
  mkdir -p "$1"
  new=$(mktemp -d "$1/bun-new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  npm install --prefix "$new" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
    "bun@$version" >/dev/null || {
    echo "npm could not install Bun (see above). With network: npm install --global bun@$version" >&2
    exit 1
  }
  # npm may be set up to run no install scripts; Bun's puts the binary for this machine in its place.
  node "$new/node_modules/bun/install.js" >&2
  "$new/node_modules/.bin/bun" --version >/dev/null
  # Another run may have been faster; a folder that is there and does not work is replaced.
  if ! "$folder/node_modules/.bin/bun" --version >/dev/null 2>&1; then
    rm -rf "$folder"
    chmod 755 "$new"
    mv "$new" "$folder"
  fi
fi
echo "$folder/node_modules/.bin"
