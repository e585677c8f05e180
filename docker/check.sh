#!/bin/bash
# The image's steps without Docker: docker/install.sh in a new folder, as a user without rights or a home, then a run as
# another such user. Says how long a driver needs with the kernels that the image keeps, and without.
#
#     docker/check.sh [FOLDER]        # a new one among the temporary files; 2 GB; some minutes; one that was made
#                                     # by an earlier call is taken as it is
set -eu
project=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder/app"
chmod 755 "$folder"

# what the Dockerfile copies
cd "$project"
sed -n 's/^COPY --chown=[^ ]* //p' docker/Dockerfile | while read -r names; do
    for name in ${names% *}; do
        mkdir -p "$folder/app/$(dirname "$name")"
        cp -RP "$name" "$folder/app/$(dirname "$name")/"
    done
done
find "$folder/app" -name __pycache__ -prune -exec rm -r {} +

python=$(dirname "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')")
if [ "$(id -u)" = 0 ]; then
    chown -R 65534:0 "$folder"
    chmod 775 "$folder"
    as() { setpriv --reuid="$1" --regid="$2" --clear-groups --inh-caps=-all --bounding-set=-all -- "${@:3}"; }
else
    as() { shift 2; "$@"; }
fi
# nothing of whoever calls this: no home, no settings, no caches
without_home() {
    as "$1" 0 env -i PATH="$folder/venv/bin:$python:/usr/bin:/bin" HOME=/nonexistent TMPDIR="$folder/tmp" \
        NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES= NUMBA_CACHE_DIR="$2" \
        PIP_CERT="${PIP_CERT:-}" ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} "${@:3}"
}
install --directory --owner="$(stat -c %u "$folder")" --mode=1777 "$folder/tmp" "$folder/data"
cd "$folder"
[ -d "$folder/kernels" ] ||
    without_home 65534 "$folder/kernels" app/docker/install.sh "$folder/app" "$folder/venv" "$folder/kernels"

before=$(find "$folder/kernels" -name '*.nbc' | wc -l)
TIMEFORMAT='%R s, of processors %U s'
timed() {
    install --directory --mode=1777 "$folder/data/$1"
    rm -rf "$folder/data/$1/run"
    echo -n "a run $1: "
    time without_home 1234 "$2" dspipe run "$folder/app/configs/quickstart.yaml" --set output="$folder/data/$1/run" \
        --set sources.packages.path='["pip/**/*.py"]' --set sources.packages.limit=200 --set stages.remix='{by: domain}' \
        --set engine='{kind: local, workers: 2}' >"$folder/$1.log" 2>&1 || { cat "$folder/$1.log"; exit 1; }
}
timed with-kernels "$folder/kernels"
echo "kernels kept: $before, made besides: $(($(find "$folder/kernels" -name '*.nbc' | wc -l) - before))"
rm -rf "$folder/none" && install --directory --mode=1777 "$folder/none"
timed without-kernels "$folder/none"
without_home 1234 "$folder/kernels" dspipe verify "$folder/data/with-kernels/run" | tail -1
without_home 1234 "$folder/kernels" ray --version
[ $# -gt 0 ] || rm -rf "$folder"
