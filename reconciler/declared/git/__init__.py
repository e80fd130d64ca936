"""What git knows of the state: the commit that was read, who wrote a line, what took an entry out."""
