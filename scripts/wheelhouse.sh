#!/usr/bin/env bash
# A folder from which flopcensus installs on a machine without a network: scripts/wheelhouse.sh [FOLDER] [PIP OPTION…]
#
# Run it where there is a network, with the Python version and platform of the nodes, or say theirs to pip:
#   scripts/wheelhouse.sh wheelhouse --only-binary=:all: --platform manylinux_2_28_x86_64 --python-version 3.12
# Then, on a node:  wheelhouse/install.sh .venv
# A torch that the nodes have already stays: add --no-deps to take flopcensus alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
folder=${1:-wheelhouse}
[ "$#" -eq 0 ] || shift
mkdir -p -- "$folder"

# What builds wheels goes in too: nothing here needs it on the node, as flopcensus itself comes as a wheel.
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$folder" .
wheel=
for one in "$folder"/flopcensus-*.whl; do
  if [ -z "$wheel" ] || [ "$one" -nt "$wheel" ]; then wheel=$one; fi
done
"$python" -m pip download --quiet --constraint constraints.txt --dest "$folder" "$@" "${wheel}[bench]"
cp -- constraints.txt "$folder/"
(cd -- "$folder" && sha256sum -- *.whl constraints.txt >SHA256SUMS)

cat >"$folder/install.sh" <<'INSTALL'
#!/usr/bin/env bash
# Installs flopcensus from this folder into a virtual environment, and asks no network: install.sh [VENV]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
venv=$(realpath -m -- "${1:-.venv}")
# From here on in the folder itself: pip would split its name at a space.
cd -- "$here"
sha256sum --check --quiet SHA256SUMS
"${PYTHON:-python3}" -m venv "$venv"
PIP_NO_INDEX=1 PIP_FIND_LINKS=. "$venv/bin/python" -m pip install --quiet --constraint constraints.txt \
  'flopcensus[bench]'
"$venv/bin/flopcensus" --version
INSTALL
chmod +x "$folder/install.sh"
wheels=("$folder"/*.whl)
printf '%s: %s wheels; on a node: %s/install.sh VENV\n' "$folder" "${#wheels[@]}" "$folder" >&2
