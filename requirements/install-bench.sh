#!/usr/bin/env bash
# Make .venv-bench with the peers of `make bench`, for the Makefile.
#
# A peer that cannot be installed is left out: the benchmark goes on without it.
set -u
cd "$(dirname "$0")/.." || exit 1

echo "Making the environment .venv-bench with the peers (minutes the first time)"
.venv/bin/python -m venv --clear .venv-bench || exit 0
log=.venv-bench/install.log
for peer in $(sed 's/#.*//' requirements/bench.in); do
  .venv-bench/bin/python -m pip install --retries 2 --disable-pip-version-check \
    --constraint requirements/bench.txt "$peer" >>"$log" 2>&1 ||
    echo "$peer could not be installed ($log says why) and is left out." \
      "To try again, delete .venv-bench."
done
touch .venv-bench/.installed
