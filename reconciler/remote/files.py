"""Reading and replacing one file through standard tools, so that a restricted user without SFTP can do it too.

Called by both hosts with their own `run`; the same commands over SSH and on this machine.
"""

from __future__ import annotations

import posixpath

from reconciler.errors import PermanentFailure, Unreadable
from reconciler.remote.host import Host

_PLAIN = {"LC_ALL": "C"}

# mktemp opens with O_EXCL and 0600. The size is checked because a line that is cut in the middle looks like the end of
# the input. The new name is in place after `mv`, so a folder that cannot be synced is no failure.
_REPLACE = """\
set -eu
umask 077
temporary=$(mktemp -- "$4/.reconciler.XXXXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM
cat > "$temporary"
[ "$(wc -c < "$temporary")" -eq "$3" ] || { echo "only a part of the content arrived" >&2; exit 65; }
chmod -- "$2" "$temporary"
sync -- "$temporary"
mv -fT -- "$temporary" "$1"
sync -- "$4" || true
"""


async def read_file(host: Host, path: str) -> bytes | None:
    """The content of `path`; None when its folder can be searched and holds no such name. Raises Unreadable."""
    done = await host.run(["cat", "--", path], env=_PLAIN, repeatable=True)
    if done.status == 0:
        return done.stdout
    reason = _last_line(done.stderr) or f"cat ended with status {done.status}"
    if reason.endswith("No such file or directory") and await _certainly_absent(host, path):
        return None
    raise Unreadable(f"{host.name}: {reason}", hint=f"make {path} readable for the user who logs in there")


async def _certainly_absent(host: Host, path: str) -> bool:
    """Whether the folder can be listed and the list lacks the name: a folder that cannot be searched looks the same to
    `cat`, and so does a link that leads nowhere. No shell: a forced command compares this argv with a fixed list."""
    done = await host.run(["ls", "-A", "--", f"{_folder(path)}/"], env=_PLAIN, repeatable=True)
    return done.status == 0 and f"\n{posixpath.basename(path)}\n".encode() not in b"\n" + done.stdout


async def replace_file(host: Host, path: str, content: bytes, mode: int) -> None:
    """Writes beside `path`, syncs, renames over it. The new file belongs to the user who writes and has `mode`; a link
    at `path` is replaced itself. Only SIGKILL leaves the other file (`.reconciler.…`) behind.

    Raises PermanentFailure when the far side refused: the old file is in place. Raises Unreadable when nobody knows.
    """
    argv = ["sh", "-c", _REPLACE, "sh", path, f"{mode:04o}", str(len(content)), _folder(path)]
    done = await host.run(argv, stdin=content, env=_PLAIN)
    if done.status < 0:
        raise Unreadable(
            f"{host.name}: writing {path} was ended by signal {-done.status}",
            hint="run `reconciler plan` to see whether the file was replaced",
        )
    if done.status:
        reason = _last_line(done.stderr) or f"status {done.status}"
        raise PermanentFailure(
            f"{host.name}: {path} was not replaced: {reason}",
            hint=f"the user who logs in there needs to write in {_folder(path)}, and space on that disk",
        )


def _folder(path: str) -> str:
    return posixpath.dirname(path) or "."


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
