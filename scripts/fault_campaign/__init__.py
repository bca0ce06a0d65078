"""The campaign of faults: kills, full disks, changed files, limits and hostile names against every command that writes."""
