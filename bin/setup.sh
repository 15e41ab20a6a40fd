# Shared by bin/chorus and bin/test: finds this checkout's Python environment, or creates it. Any POSIX sh can source this
# file, with $root set. It does not know what either command does afterwards.
#
# An environment is complete when its stamp file, written last, holds the checksum of requirements.lock. Without that stamp
# it is built again from the beginning, since half-unpacked packages cannot be distinguished from complete ones.

need_kb=1300000 # the largest sum of downloads, their unpacked copies and the environment itself

say() { printf '%s\n' "$*" >&2; }
die() {
  say "chorus: $*"
  trap - EXIT # do not print the message of build_venv's trap as well
  exit 1
}

# set_up: sets $python to an interpreter that has everything in requirements.lock. If the environment exists, this costs one
# `cksum`.
set_up() {
  digest=$(cksum <"$root/requirements.lock") || die "$root/requirements.lock is missing: fetch the checkout again."
  find_venv || make_venv
  python=$venv/bin/python
  set_environment
}

# The caller's exported variables must not affect our interpreter, and connections to loopback must bypass any proxy.
set_environment() {
  unset PYTHONHOME
  PYTHONPATH=$root
  PYTHONSAFEPATH=1 # or a tasks.py in the user's folder would be imported in place of ours
  PYTHONUTF8=1
  NO_PROXY=$(with_loopback "${NO_PROXY-}")
  no_proxy=$(with_loopback "${no_proxy-$NO_PROXY}")
  export PYTHONPATH PYTHONSAFEPATH PYTHONUTF8 NO_PROXY no_proxy
}

with_loopback() {
  case $1 in
  '' | 127.0.0.1,localhost) echo 127.0.0.1,localhost ;;
  '*' | *,127.0.0.1,localhost) echo "$1" ;;
  *) echo "$1,127.0.0.1,localhost" ;;
  esac
}

# --- Where the environment is -------------------------------------------------------------------------------------

# find_venv: sets $venv to a complete environment, if there is one.
find_venv() {
  venv=$root/.venv
  is_made && return
  venv=$(venv_elsewhere is_made)
  [ -n "$venv" ]
}

is_made() {
  [ -x "$venv/bin/python" ] && [ -r "$venv/chorus.stamp" ] && read -r stamp <"$venv/chorus.stamp" && [ "$stamp" = "$digest" ]
}

# venv_elsewhere TEST: prints the first environment outside the checkout that passes TEST, for a checkout that cannot be
# written. Its name holds the checksum of the lock file, so that checkouts share it.
venv_elsewhere() {
  places_elsewhere | while IFS= read -r place; do
    venv=$place/venv-${digest%% *}
    if "$1" "$venv" && is_safe "$place"; then
      printf '%s\n' "$venv"
      break
    fi
  done
}

places_elsewhere() {
  case ${CHORUS_HOME-} in
  /*) echo "$CHORUS_HOME" ;;
  ?*) echo "$PWD/$CHORUS_HOME" ;;
  *)
    cache=$(user_cache)
    [ -z "$cache" ] || echo "$cache/chorus"
    echo "${TMPDIR:-/tmp}/chorus-$(id -u)"
    ;;
  esac
}

# is_safe FOLDER: whether a folder in the temporary folder belongs to this user. Another user may have created it, and we are
# about to run programs from it.
is_safe() {
  case $1 in "${TMPDIR:-/tmp}"/*)
    [ "$(ls -ldn "$1" | sed 's/^\(.\)[^ ]* *[0-9]* *\([0-9]*\) .*/\1\2/')" = "d$(id -u)" ] ;;
  esac
}

user_cache() {
  case ${HOME-} in /*) ;; *) return 0 ;; esac
  if [ -d "$HOME/Library/Caches" ]; then echo "$HOME/Library/Caches"; else echo "${XDG_CACHE_HOME:-$HOME/.cache}"; fi
}

# can_write FOLDER: tries to create a file, since mode bits are misleading for root and on read-only mounts.
can_write() {
  (umask 077 && mkdir -p "${1%/*}" && umask 022 && mkdir -p "$1" && : >"$1/.chorus-$$" && rm "$1/.chorus-$$") 2>/dev/null
}

# --- Creating the environment -------------------------------------------------------------------------------------

make_venv() {
  refuse_unserved_systems
  venv=$root/.venv
  can_write "$venv" || use_venv_elsewhere
  case $venv in *:*) die "$venv: Python cannot make an environment under a path with a colon. Move the checkout." ;; esac
  say "Setting Chorus up, once, in $venv"
  base=$(find_python) && [ -n "$base" ] || base=$(fetched_python) || die "$(python_remedy)"
  say "  Python: $base"
  # The building process and its children hold the lock, so that it is released when the last of them ends, even after
  # kill -9. For this, Python takes the lock and then replaces itself by the shell that builds.
  hold='import fcntl, os, sys
lock = open(sys.argv[1], "a")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("  Another run is setting this checkout up: waiting for it.", file=sys.stderr, flush=True)
    fcntl.flock(lock, fcntl.LOCK_EX)
except OSError:
    pass
os.set_inheritable(lock.fileno(), True)
os.execvp("sh", ["sh", "-c", ". \"$0\" && build_venv", *sys.argv[2:]])'
  export root venv base digest
  "$base" -I -c "$hold" "$venv/chorus.lock" "$root/bin/setup.sh" || exit 1
}

use_venv_elsewhere() {
  venv=$(venv_elsewhere can_write)
  [ -n "$venv" ] || die "neither $root nor a folder of your own can be written: set CHORUS_HOME to one that can."
  say "$root cannot be written: the environment goes elsewhere."
}

# build_venv: creates the environment. It runs under the lock, in a separate shell.
build_venv() {
  set -eu
  is_made && return # another run made it while this one waited
  trap 'say "chorus: setting up did not finish; the lines above say why. The same command again starts it afresh."' EXIT
  started=$(date +%s)
  rm -f "$venv/chorus.stamp"
  for part in bin include lib lib64 share tmp pyvenv.cfg; do
    rm -rf "${venv:?}/$part"
  done
  refuse_full_disk
  mkdir -p "$venv/tmp"
  TMPDIR=$venv/tmp # /tmp may be too small for the downloads
  export TMPDIR
  tame_installers
  if has_uv; then install_with_uv; else install_with_pip; fi
  "$venv/bin/python" -I -m compileall -q "$root/chorus" "$root/broker" "$root/tasks" "$root/workers" >/dev/null 2>&1 || true # fails if the checkout cannot be written
  rm -rf "$venv/tmp"
  printf '%s\n' "$digest" >"$venv/chorus.stamp.part"
  mv "$venv/chorus.stamp.part" "$venv/chorus.stamp"
  trap - EXIT
  say "  Ready after $(($(date +%s) - started)) s."
}

# Some pip settings of the user would install the packages in another place: override them. The user's package index and
# proxy stay in effect.
tame_installers() {
  unset PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONPATH PYTHONHOME
  export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
  cache=$(user_cache)
  if [ -z "$cache" ] || ! can_write "$cache"; then
    export PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
  fi
}

has_uv() { uv --version >/dev/null 2>&1; }

install_with_uv() {
  say "  Installing $(count_packages) packages with uv"
  uv venv --quiet --no-project --allow-existing --python "$base" "$venv" >&2
  uv_install --requirement "$root/requirements.lock"
  if is_313; then
    misaki_block >"$venv/tmp/misaki.lock"
    uv_install --python-version 3.12 --requirement "$venv/tmp/misaki.lock"
  fi
}

uv_install() {
  uv pip install --quiet --python "$venv/bin/python" --compile-bytecode --no-deps --only-binary :all: --require-hashes "$@" >&2
}

install_with_pip() {
  say "  Installing $(count_packages) packages with pip: a few minutes, most of it downloads"
  "$base" -I -m venv "$venv" >&2
  pip_install --requirement "$root/requirements.lock"
  if is_313; then
    misaki_block >"$venv/tmp/misaki.lock"
    pip_install --ignore-requires-python --requirement "$venv/tmp/misaki.lock"
  fi
}

pip_install() {
  if [ -t 2 ]; then quiet=; else quiet=--quiet; fi
  "$venv/bin/python" -I -m pip install $quiet --no-deps --only-binary :all: --require-hashes "$@" >&2
}

count_packages() { grep -c '^[a-z]' "$root/requirements.lock"; }

# misaki's metadata excludes Python 3.13, but its code runs there: on 3.13 it is installed separately, without that check.
is_313() { "$venv/bin/python" -I -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))'; }

misaki_block() { sed -n '/^misaki==/,/[^\\]$/p' "$root/requirements.lock" | sed 's/ ;[^\\]*//'; }

# --- What this machine has ----------------------------------------------------------------------------------------

# find_python: prints the newest Python 3.11-3.13 on PATH that runs and can create environments. It runs each candidate,
# since the name of a file does not prove its version.
find_python() {
  probe='import sys, sysconfig
if (3, 11) <= sys.version_info < (3, 14) and sys.implementation.name == "cpython":
    import venv
    if sys.argv[1] == "pip":
        import ensurepip
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        print(sys.version_info[1], sys._base_executable)'
  installer=pip
  has_uv && installer=uv
  each_python | while IFS= read -r candidate; do
    "$candidate" -I -c "$probe" "${1-$installer}" 2>/dev/null || true
  done | sort -s -r -n -k 1,1 | sed -n '1s/^[0-9]* //p'
}

each_python() {
  for name in python3.13 python3.12 python3.11 python3 python; do
    rest=$PATH:
    while [ -n "$rest" ]; do
      folder=${rest%%:*} rest=${rest#*:}
      # Skip the environment's own Python, which is about to be removed.
      if [ "$folder" != "$venv/bin" ] && [ -x "${folder:-.}/$name" ]; then printf '%s\n' "${folder:-.}/$name"; fi
    done
  done
}

fetched_python() {
  has_uv || return 1
  say "  No Python 3.11, 3.12 or 3.13 here: uv fetches one"
  uv python install --quiet 3.13 >&2 && uv python find 3.13
}

python_remedy() {
  without_ensurepip=$(find_python uv)
  if [ -n "$without_ensurepip" ]; then
    minor=$("$without_ensurepip" -I -c 'import sys; print(sys.version_info[1])')
    echo "$without_ensurepip cannot make environments (it has no ensurepip): $(ensurepip_remedy "$minor"), then run this again."
  else
    echo "needs Python 3.11, 3.12 or 3.13, and none is on PATH: $(interpreter_remedy), then run this again."
  fi
}

ensurepip_remedy() {
  if has apt-get; then echo "$(as_root)apt install python3.$1-venv"; else uv_remedy; fi
}

interpreter_remedy() {
  if has apt-get; then
    for minor in 13 12 11; do
      if apt-cache show "python3.$minor-venv" >/dev/null 2>&1; then
        echo "$(as_root)apt install python3.$minor python3.$minor-venv"
        return
      fi
    done
    uv_remedy
  elif has dnf; then
    echo "$(as_root)dnf install python3.12"
  elif has brew; then
    echo "brew install python@3.13"
  else
    uv_remedy
  fi
}

uv_remedy() { echo "install uv, which brings one (https://docs.astral.sh/uv/getting-started/installation/)"; }

as_root() { [ "$(id -u)" = 0 ] || echo "sudo "; }

has() { command -v "$1" >/dev/null 2>&1; }

refuse_full_disk() {
  free_kb=$(df -Pk "$venv" 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*/\1/p')
  if [ -n "$free_kb" ] && [ "$free_kb" -lt "$need_kb" ]; then
    die "$venv needs $((need_kb / 1000)) MB and has $((free_kb / 1000)) MB free: make room, or move the checkout."
  fi
}

# onnxruntime publishes wheels for Linux with glibc on x86-64 and arm64, and for macOS 14 on Apple Silicon.
refuse_unserved_systems() {
  case $(uname -s)-$(uname -m) in
  Linux-x86_64 | Linux-aarch64 | Linux-arm64)
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
    [ -n "$libc" ] || ! ls /lib/ld-musl-* >/dev/null 2>&1 ||
      die "needs Linux with glibc, and this one has musl: use the container, \`docker compose up\`."
    case $libc in "glibc 2."[0-9] | "glibc 2.1"[0-9] | "glibc 2.2"[0-7])
      die "needs glibc 2.28 or newer, and this system has ${libc#glibc }: use the container, \`docker compose up\`." ;;
    esac
    ;;
  Darwin-arm64)
    release=$(sw_vers -productVersion)
    [ "${release%%.*}" -ge 14 ] || die "needs macOS 14 or newer, and this is $release: update it in System Settings."
    ;;
  *) die "runs on Linux (x86-64, arm64) and on Apple Silicon, not on $(uname -s) $(uname -m): use the container, \`docker compose up\`." ;;
  esac
}
