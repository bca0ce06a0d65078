"""Checks that ways to one number agree, and that relations between runs of pagebench hold.

Each check is a function that takes a `Case`: a folder, a random generator with the case's own seed,
and the program. It writes inputs, runs commands and complains. Modules:

- `program`: what the program says of itself (commands, options, policies, columns)
- `case`: one case of a check, its commands and complaints; the table of all checks
- `traces`, `options`: what is drawn
- `rows`: reading and comparing tables
- `driver`: the order of cases, the time limit, the table at the end
- `twin_trace`, `twin_space`, `twin_tlb`, `twin_policies`, `twin_research`, `twin_machine`: the twin, a second
  machine written from the definitions alone; `twin_rows`: what it expects in each column; `twin_checks`,
  `twin_views`: checks against it
- the others: checks

Not in the twin: the policies mq, w-tinylfu, lirs, clock-pro, s3-fifo, linux, mglru and freebsd (of these `twin_others`
checks what no policy decides, and `twin_vmstat` what must add up); `--mappings infer` and `--overcommit strict`,
whose rules no text gives; `curve --sample`, which `curves` checks by its bound; machines without tables of 512 entries.
"""
