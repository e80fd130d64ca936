"""Reports that are written from documents alone (`plan.json`, `run.json`, `findings.json`): no live system, no secret.
One module a format; `cli.report` has the table of them."""
