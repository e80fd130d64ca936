"""What a state file may hold, one kind of declared thing a file: the entry as it is written, how it becomes a value of
the model, and what is checked across all files (`section.Section`). `registry.SECTIONS` lists them."""
