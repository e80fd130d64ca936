"""What DNS says of the mail host and of its domains, as other mail servers see it."""
