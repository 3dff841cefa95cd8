#!/usr/bin/env bash
# Everything that a release is made of, in one folder: scripts/release.sh [FOLDER] [--dry-run]
#
#   wheel and sdist          built from what is committed, with the time of the commit
#   requirements-*.txt       every package of core and extras but torch, pinned with hashes, for this Python and platform
#   licences.csv             package, version, licence; a copyleft licence that reaches our code ends the script
#   audit.json               known vulnerabilities of what is pinned (pip-audit); any ends the script
#   sbom.cdx.json            the same packages as a bill of materials (CycloneDX)
#   SHA256SUMS               of all of these
#
# --dry-run takes a tree with changes, and says what could not be done without a network instead of ending there.
# Nothing is uploaded. Needs the dependency group "release": pip install --group release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
folder=release
dry=""
for word in "$@"; do
  case $word in
    --dry-run) dry=1 ;;
    -*) echo "release.sh: no such option: $word" >&2; exit 2 ;;
    *) folder=$word ;;
  esac
done

if [ -z "$dry" ] && [ -n "$(git status --porcelain)" ]; then
  echo "release.sh: the tree has changes; commit them first, or try --dry-run" >&2
  exit 2
fi
umask 077
mkdir -p -- "$folder"
folder=$(realpath -- "$folder")
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Without a network a dry run goes on, and says so; anything else that fails ends here.
undone() {
  [ -n "$dry" ] || { echo "release.sh: $1 failed" >&2; exit 1; }
  echo "NOT DONE: $1" | tee -a "$folder/NOT-DONE" >&2
}

rm -f -- "$folder"/*
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) "$python" -m hatchling build -d "$folder" >&2

# Any torch serves, so that it is pinned by whoever installs it.
tag=$("$python" -c 'import sys, sysconfig; print(f"py{sys.version_info.major}{sys.version_info.minor}-" + sysconfig.get_platform())')
lock="$folder/requirements-$tag.txt"
wheel=$(ls -- "$folder"/*.whl)
if "$python" -m pip install --quiet --dry-run --ignore-installed --only-binary=:all: --constraint constraints.txt \
  --report "$work/report.json" "flopcensus[tables,fleet,planning] @ file://$wheel" psutil nvidia-ml-py >&2; then
  "$python" scripts/release_facts.py lock "$work/report.json" >"$lock"
  "$python" -m venv "$work/venv"
  "$work/venv/bin/python" -m pip install --quiet --require-hashes --only-binary=:all: --requirement "$lock" >&2
  "$work/venv/bin/python" scripts/release_facts.py licences >"$folder/licences.csv"
  # the index that packages come from is this machine's own matter
  "$python" -m cyclonedx_py environment "$work/venv" --output-reproducible --of JSON -o "$folder/sbom.cdx.json" >&2 ||
    undone "bill of materials"
  "$python" -m pip_audit --require-hashes --disable-pip --requirement "$lock" --format json \
    --output "$folder/audit.json" >&2 || undone "audit"
else
  undone "locked requirements, licences, bill of materials and audit"
fi

sums=$(cd -- "$folder" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%f\n' | sort | xargs sha256sum)
printf '%s\n' "$sums" >"$folder/SHA256SUMS"
printf '%s holds:\n%s\n' "$folder" "$sums" >&2
