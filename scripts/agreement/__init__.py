"""Checks that ways to one number agree, and that relations between runs of pagebench hold.

Each check is a function that takes a `Case`: a folder, a random generator with the case's own seed,
and the program. It writes inputs, runs commands and complains. Modules:

- `program`: what the program says of itself (commands, options, policies, columns)
- `case`: one case of a check, its commands and complaints; the table of all checks
- `traces`, `options`: what is drawn
- `rows`: reading and comparing tables
- `driver`: the order of cases, the time limit, the table at the end
- the others: checks
"""
