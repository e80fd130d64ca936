# What stands before pex' own beginning: which Python this runs on, and where it unpacks itself (PEX_ROOT).
if [ -z "${PEX_PYTHON:-}${PEX_PYTHON_PATH:-}" ]; then
    found=
    for python in @PYTHONS@; do
        ! command -v $python >/dev/null 2>&1 || found=$python
    done
    if [ -z "$found" ] || [ "$(uname -m)" != @MACHINE@ ]; then
        here=$(python3 --version 2>/dev/null || echo "no python3")
        echo "$0 runs on Python @MINORS@ on @MACHINE@; found: $here on $(uname -m)" >&2
        echo "  → pipx or uv install it for any Python from 3.11 on: docs/installing.md" >&2
        exit 2
    fi
fi
if [ -z "${PEX_ROOT:-}" ]; then
    home=${HOME:-$(getent passwd "$(id -u)" | cut -d : -f 6)}
    PEX_ROOT=${XDG_CACHE_HOME:-$home/.cache}/reconciler
    if ! mkdir -p "$PEX_ROOT" 2>/dev/null || [ ! -w "$PEX_ROOT" ]; then
        # a user without a home. /tmp is everybody's: the folder must be ours, and no link
        PEX_ROOT=${TMPDIR:-/tmp}/reconciler-$(id -u)
        mkdir -m 700 "$PEX_ROOT" 2>/dev/null || true
        if [ -L "$PEX_ROOT" ] || [ ! -d "$PEX_ROOT" ] || [ ! -O "$PEX_ROOT" ]; then
            echo "$0 has no folder to unpack itself into: $PEX_ROOT is somebody else's, or not writable" >&2
            echo "  → PEX_ROOT=FOLDER $0 …, with a folder that is yours alone" >&2
            exit 2
        fi
        # some systems clean /tmp by age, file by file: all of it stays, or all of it goes
        find "$PEX_ROOT" -exec touch -a -c -h {} +
    fi
    export PEX_ROOT
fi
