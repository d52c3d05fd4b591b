"""How fast is d2lib, beside its peers and beside what the machine can do at all?

``python -m benchmarks`` (or ``make bench``) times every work with every peer:

- `works` says what is computed, from which numbers, and the least it can cost;
- `peers/` holds one file a peer, one function a work;
- `worker` runs one peer in an environment of its own and times it;
- `clock` tells whether other processes disturbed a sample, and summarises samples;
- `bench` lets the peers take turns, and checks first that they compute the same;
- `report` keeps the results and draws them, here and on the page *How fast is it?*
"""
