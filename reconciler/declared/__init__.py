"""What git declares. A state folder goes one way through the folders here, and each imports only those before it:

    read/      which files there are, and the text of each
    parse/     YAML: from text to plain values, and where in the text each of them stands
    convert/   from plain values to entries of the model: a mailbox, an alias, …
    check/     the entries of all files, merged and compared with each other

`load.py` is that way from end to end. Whatever a step finds wrong it puts into the one `Problems` that is handed along.

Beside it: `site_file/` reads reconciler.yaml, `git/` asks git about the state, `schema.py` makes the JSON Schemas.
"""
