"""What a release consists of, built from the locked packages: `make dist` and `make deb`.

Why it is built as it is: docs/decisions/0020-packaging.md.
"""
