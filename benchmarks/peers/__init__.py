"""The peers, one file each.

A file has ``VERSION``, ``THREADS`` and one function for each work that the peer can do.
The function takes the work's arrays and returns ``step``, which does the work once, and
``result``, which returns the arrays by which the peers are compared: weights under the
names they had in the input. ``finish``, where there is one, waits until a step is done.
"""
