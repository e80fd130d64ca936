"""What state files were read as, kept from one command to the next (`RECONCILER_CACHE`): `entries` is what `load` asks.

    reader.py    what an entry holds for: this very program
    rows.py      the values of one file as JSON, and back; helper processes hand them over so, too
    remarks.py   the same of what the checks said of all together
    folder.py    where entries lie, and who else could have written them
    entries.py   all of it: the values of a file that was read before

An entry is data, and it is looked up by the file's content: whatever is doubtful is read from the file again
(docs/decisions/0024-state-cache.md).
"""
