#!/usr/bin/env bash
# Make the environment .venv from requirements/all.txt, for the Makefile.
#
# Uses $PYTHON, or the first of python3.12, python3.11 and python3 that is a Python 3.11
# or 3.12. May be interrupted and started again: .venv/.installed is written last.
set -u
cd "$(dirname "$0")/.." || exit 1

fail() {
  printf '\n%s\n' "$@" >&2
  exit 1
}

version() { # of the interpreter $1; nothing if it does not run
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

python= found=
candidates=(python3.12 python3.11 python3)
[ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
for candidate in "${candidates[@]}"; do
  v=$(version "$candidate") || continue
  found="$found $candidate (Python $v)"
  case $v in
    3.11 | 3.12)
      python=$candidate
      break
      ;;
  esac
done
[ -n "$python" ] || fail \
  "The book needs Python 3.11 or 3.12, because MXNet 1.9.1 runs on nothing newer." \
  "Found:${found:- no Python that runs${PYTHON:+ as PYTHON=$PYTHON}}." \
  "Install one of them and run make again, or name it: make book PYTHON=/path/to/python3.11"

if ! [ "$(version .venv/bin/python)" = "$v" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  "$python" -c 'import venv, ensurepip' 2>/dev/null || fail \
    "$python (Python $v) cannot make a virtual environment: its venv module is missing." \
    "On Debian or Ubuntu install it with: apt install python$v-venv" \
    "Then run make again."
  echo "Making the environment .venv with $python (Python $v)"
  "$python" -m venv --clear .venv || fail \
    "$python -m venv failed (see above). Is the disk full, or this folder read-only?"
fi
rm -f .venv/.installed

echo "Installing the locked requirements (minutes the first time)"
log=.venv/install.log
{
  .venv/bin/python -m pip install --retries 2 --disable-pip-version-check \
    --require-hashes -r requirements/all.txt &&
    .venv/bin/python -m pip install --disable-pip-version-check \
      --no-deps --no-build-isolation --editable . &&
    # The pages' kernel is this environment's Python, whatever the user has elsewhere.
    .venv/bin/python -m ipykernel install --sys-prefix --name python3 \
      --display-name "Python 3"
} >"$log" 2>&1 || {
  tail -n 5 "$log" >&2
  if grep -qE 'NewConnection|NameResolution|ConnectTimeout|ReadTimeout|ProxyError|unreachable|Max retries|Could not find a version|Connection (refused|reset)' "$log"; then
    fail "pip could not get the requirements: no network?" \
      "Connect, or set your proxy or package index for pip, and run make again." \
      "All that pip said is in $log."
  fi
  fail "pip could not install the requirements (see above; all of it is in $log)." \
    "Run make again; if it fails in the same way, make clean-all removes .venv first."
}

# A double click on a page in JupyterLab opens it as a notebook, not as text.
.venv/bin/python - <<'PYTHON'
import sys
from pathlib import Path

from jupytext_config.labconfig import LabConfig

settings = Path(sys.prefix, "share/jupyter/lab/settings/overrides.json")
LabConfig(settings_file=settings).read().set_default_viewers(["markdown", "myst"]).write()
PYTHON

# matplotlib looks for the system's fonts once, and would say so in the middle of a page.
env -u MPLCONFIGDIR .venv/bin/python -c 'import matplotlib.font_manager' 2>/dev/null

touch .venv/.installed
