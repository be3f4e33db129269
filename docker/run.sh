#!/bin/sh
# Installs what is missing for a task, then becomes the given command, with Bun on PATH and the mediasoup worker's
# place in MEDIASOUP_WORKER_BIN.
# usage: run.sh check|start|test COMMAND...
set -eu
task=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}
mkdir -p "$cache"

# Two tasks started at once install one after the other, where the system can lock (macOS cannot).
if command -v flock >/dev/null; then
  exec 9>"$cache/lock"
  flock --nonblock 9 || { echo 'Waiting for another installation of Sluice to finish ...' >&2 && flock 9; }
fi

bun_folder=$(sh docker/bun.sh "$cache" 9>&-)
export PATH="$bun_folder:$PATH"
[ -d node_modules ] || echo 'Installing the npm packages (seconds to a minute) ...' >&2
said=$(bun install --frozen-lockfile 9>&- 2>&1) || {
  echo "$said" >&2
  echo 'The npm packages could not be installed: see above.' >&2
  exit 1
}

case $task in
check) ;;
start) sh docker/packages.sh ffmpeg 9>&- ;;
test) sh docker/packages.sh ffmpeg chromium postgresql redis-server weechat-headless mpv 9>&- ;;
*) echo "run.sh: no such task: $task" >&2; exit 2 ;;
esac

if [ "$task" != check ] && [ -z "${MEDIASOUP_WORKER_BIN:-}" ]; then
  MEDIASOUP_WORKER_BIN=$(bun docker/worker.ts "$cache" 9>&-)
  export MEDIASOUP_WORKER_BIN
fi

exec 9>&-
exec "$@"
