#!/bin/sh
# Installs the named Debian packages (Homebrew's on macOS) that are missing, all at once.
# usage: packages.sh PACKAGE...
set -eu

is_installed() {
  case $1 in
  ffmpeg) command -v ffmpeg && command -v ffprobe ;;
  chromium) command -v chromium || command -v google-chrome || ls -d '/Applications/Chromium.app' ;;
  redis-server) command -v redis-server ;;
  postgresql) command -v postgres || ls /usr/lib/postgresql/*/bin/postgres ;;
  *) dpkg-query -W -f '${Status}' "$1" | grep -q 'ok installed' ;;
  esac >/dev/null 2>&1
}

give_up() {
  echo "Sluice needs $missing. $1" >&2
  echo "  $2" >&2
  exit 1
}

missing=
for package; do
  is_installed "$package" || missing="$missing${missing:+ }$package"
done
if [ -z "$missing" ]; then exit 0; fi

# A folded list of words, on purpose unquoted below.
if command -v apt-get >/dev/null; then
  install="apt-get install -y --no-install-recommends $missing"
  if [ "$(id -u)" -eq 0 ]; then
    as_root=env
  elif sudo -n true 2>/dev/null; then
    as_root='sudo -n env'
  else
    give_up 'Installing takes root; run this, then try again:' "sudo $install"
  fi
  echo "Installing $missing from the system's packages (seconds to a few minutes) ..." >&2
  # Another installation may hold the lock: wait for it.
  options='DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l'
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # shellcheck disable=SC2086
  if ! { $as_root $options apt-get -o DPkg::Lock::Timeout=600 update &&
    $as_root $options $install -o DPkg::Lock::Timeout=600; } </dev/null >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    give_up "The system's packages would not install (see above); when that is mended, this installs them:" "sudo $install"
  fi
elif command -v brew >/dev/null; then
  echo "Installing $missing by Homebrew (minutes) ..." >&2
  # shellcheck disable=SC2086
  brew install $missing >&2 </dev/null || give_up 'Homebrew could not install it; try:' "brew install $missing"
else
  give_up 'There is neither apt-get nor Homebrew here. Install what these Debian packages hold:' "$missing"
fi
