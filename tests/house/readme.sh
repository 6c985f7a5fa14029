#!/usr/bin/env bash
# readme.sh SOURCE BUILD: runs the README's shell blocks as they are written, in a folder of its own where build/dist is an
# installation of BUILD. Lines that call ./dev are left out: they build what is tried here.
set -euo pipefail
source=$1 build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/build/dist" >"$folder/install.log" || { cat "$folder/install.log"; exit 1; }
ln -s "$source/examples" "$folder/examples"
cd "$folder"
awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside && !/^\.\/dev /' "$source/README.md" >commands
[ "$(wc -l <commands)" -ge 3 ] || { echo "README.md: its shell blocks were not found"; exit 1; }
bash -euxo pipefail commands </dev/null
