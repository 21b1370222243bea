"""`make bench`: the project's performance lab. Each stage against its floor and its peers.

`stages` and `morning` say what is measured, `peers` who computes the same tables with other tools,
`run` measures from within a process and `measuring` from outside, `goals` judges, `page` and `plot`
write docs/performance.md. Ratios of CPU time within one run travel between machines; seconds do
not. Needs Linux: it reads /proc.
"""
