#!/usr/bin/env bash
# readme.sh SOURCE BUILD: runs the README's shell blocks as they are written, in a folder of its own where build/dist is an
# installation of BUILD. Lines that call ./dev are left out: they build what is tried here; so are those of cargo where it is missing.
set -euo pipefail
source=$1 build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/build/dist" >"$folder/install.log" || { cat "$folder/install.log"; exit 1; }
ln -s "$source/examples" "$source/bindings" "$folder"
export CARGO_TARGET_DIR=$build/rust-readme CARGO_NET_OFFLINE=true
cd "$folder"
awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside && !/^\.\/dev /' "$source/README.md" >commands
command -v cargo >/dev/null || sed -i '/ cargo /d' commands
[ "$(wc -l <commands)" -ge 3 ] || { echo "README.md: its shell blocks were not found"; exit 1; }
bash -euxo pipefail commands </dev/null
