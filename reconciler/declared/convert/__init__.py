"""Step 3: from the plain value of each file to entries of the model (`entries`).

`sections` checks each entry by its pydantic model (`models`, `field_types`) and puts what does not fit into words
(`error_messages`, `wording`); `addresses` completes addresses and says which may stand where.
"""
