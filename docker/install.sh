#!/bin/sh
# What the image holds, in steps that need no rights and write nowhere else: docker/Dockerfile runs them, and
# docker/check.sh runs the same without Docker.
#
#     docker/install.sh SOURCE VENV CACHE
#
# SOURCE  the project, writable: pip builds in it
# VENV    the new environment
# CACHE   where compiled kernels are kept (NUMBA_CACHE_DIR); for processors called NUMBA_CPU_NAME, or like this one
set -eu
source=$1 venv=$2 cache=$3

python3 -m venv "$venv"
# ray[default] has the dashboard's agent, which answers KubeRay's probes
"$venv/bin/pip" install --no-cache-dir "$source[s3,gcs,http]" 'ray[default]'
mkdir -p "$cache"
# compiled here once, not by every worker that a cluster starts
NUMBA_CACHE_DIR=$cache "$venv/bin/python" "$source/docker/warm.py"
# a cluster may give the container any user of group 0 (OpenShift does), and numba keeps nothing where it can't write
chmod -R g=u "$cache"
