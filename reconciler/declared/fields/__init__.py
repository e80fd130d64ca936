"""What the sections have in common: addresses, the types of fields, and the words for what does not fit."""
