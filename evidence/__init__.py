"""Long runs, the evidence for what the pages say and have no time to show.

A page trains for half a minute; here the same networks train for minutes, from several
seeds, by both twins. ``make evidence`` runs them all, one after the other on one thread
each, and keeps what came out in ``d2lib/book/evidence.json``, from where the pages read
it by `d2lib.book.evidence`, and as a table in ``evidence/results.md``.
"""
