#!/usr/bin/env bash
# Make .venv-course with nbgrader for `make course`, for the Makefile.
set -u
cd "$(dirname "$0")/.." || exit 1

echo "Making the environment .venv-course with nbgrader (a minute the first time)"
.venv/bin/python -m venv --clear .venv-course || exit 1
log=.venv-course/install.log
.venv-course/bin/python -m pip install --retries 2 --disable-pip-version-check \
  --require-hashes -r requirements/course.txt >"$log" 2>&1 || {
  tail -n 3 "$log" >&2
  echo "nbgrader could not be installed ($log says why): is there a network?" >&2
  exit 1
}
touch .venv-course/.installed
