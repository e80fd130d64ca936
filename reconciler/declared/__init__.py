"""What git declares. A state folder goes one way through here, step by step, and each imports only those before it:

    read/        which files there are, and the text of each
    parse/       YAML: from text to plain values, and where in the text each of them stands
    convert.py   from plain values to values of the model: a mailbox, an alias, …
    merge.py     the values of all files, merged and compared with each other

`load.py` is that way from end to end. Of a big state, for a plan about a part, `lazy.py` sends along only those files
that `mentions.py` finds. What is particular to one kind of declared thing is in `sections/`, a file each,
as a `section.Section`; `registry.py` lists them. `fields/` has what several need: the types of their fields, addresses,
and the words for what is wrong. Whatever a step finds wrong it puts into the one `Problems` that is handed along.

Beside it: `site_file/` reads reconciler.yaml, `git/` asks git about the state, `json_schema.py` makes the JSON Schemas.
"""
