"""Postfix' mail queue: `reconciler queue`. Lists it, and holds, releases, deletes or retries mail in it."""
