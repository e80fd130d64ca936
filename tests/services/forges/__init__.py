"""Servers that behave as docs/facts/forges.md says of GitLab, GitHub, Forgejo and Gitea: as much of each as
`reconciler.forge` asks for, errors and traps included. `server.running` starts one."""
