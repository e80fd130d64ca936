"""GitLab, GitHub, Forgejo and Gitea: what is said in a merge request and what was agreed to there, and the issue that
names drift. Reads the documents that other commands wrote, no live system. Only this room imports httpx."""
