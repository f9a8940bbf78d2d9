#!/bin/sh
# Make the environment in .venv and install the pinned packages, or see that both are there already.
#
#   sh tools/setup.sh        what the pipeline needs
#   sh tools/setup.sh dev    and what the tests need
#
# PYTHON=python3.12 chooses the Python, DEVICE=cpu or DEVICE=gpu the build of TensorFlow.
set -eu
cd "$(dirname "$0")/.."

venv=.venv
kind=${1:-run}
versions="3.11, 3.12 or 3.13" # that TensorFlow 2.21 has builds for

say() { printf 'setup: %s\n' "$*"; }
stop() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
noted() { cat "$venv/.setup-$1" 2>/dev/null || true; }
note() { printf '%s\n' "$2" >"$venv/.setup-$1"; }

# The notes in .venv say what it was made with; the one for the packages is written last.
has_packages() { [ -x "$venv/bin/python" ] && [ "$(noted "$kind")" = "$pins" ]; }
is_as_asked() {
    { [ -z "${DEVICE:-}" ] || [ "$DEVICE" = "$(noted device)" ]; } &&
        { [ -z "${PYTHON:-}" ] || [ "$PYTHON" = "$(noted python)" ]; }
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true; }

# The Python behind a virtual environment, so that .venv never rests on itself.
base_of() { "$1" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        case $(version_of "$candidate") in
        3.11 | 3.12 | 3.13)
            base_of "$candidate"
            return
            ;;
        esac
    done
    found=$(version_of "${PYTHON:-python3}")
    stop "Python $versions is needed; make setup PYTHON=/path/to/python chooses one." \
        "Received: ${PYTHON:-python3}, which is ${found:+Python }${found:-no Python that runs}"
}

choose_device() {
    system="$(uname -s) $(uname -m)"
    case ${DEVICE:-} in
    cpu | gpu)
        device=$DEVICE
        reason="DEVICE=$DEVICE was given"
        return
        ;;
    ?*) stop "DEVICE must be cpu or gpu. Received: DEVICE=$DEVICE" ;;
    esac
    device=cpu
    cards=$(nvidia-smi -L 2>/dev/null | grep '^GPU') || true
    if [ -z "$cards" ]; then
        reason="nvidia-smi finds no NVIDIA GPU"
    elif [ "$system" != "Linux x86_64" ]; then
        reason="TensorFlow's CUDA libraries are for Linux on x86-64, this is $system"
    else
        device=gpu
        reason="nvidia-smi finds $(printf '%s\n' "$cards" | sed -e 's/ (UUID.*//' -e 1q)"
    fi
}

make_environment() {
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        stop "$python cannot make environments: its modules venv and ensurepip are missing;" \
            "on Debian and Ubuntu: apt-get install python$(version_of "$python")-venv"
    say "making $venv with Python $(version_of "$python") ($python)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || stop "the environment in $venv could not be made; the message above says why"
}

install_packages() {
    case $device in
    cpu) size="0.5 GB to download, 2 GB on disk" ;;
    gpu) size="3 GB to download, 7 GB on disk" ;;
    esac
    say "TensorFlow for the $(printf %s "$device" | tr a-z A-Z), because $reason (DEVICE=cpu or DEVICE=gpu changes it)"
    say "installing $*: about $size; this takes minutes"
    arguments="--no-compile --constraint constraints.txt" # pip would compile on one core
    for file in "$@"; do arguments="$arguments --requirement $file"; done
    # shellcheck disable=SC2086 # the arguments are meant to be split
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input $arguments ||
        stop "the packages could not be installed; pip's message above says why, the same command tries again"
    "$venv/bin/python" -m compileall -q -q -j 0 -x /tests/ "$venv/lib" || true # some hold files that are no Python
}

case $kind in run | dev) ;; *) stop "say nothing or dev. Received: $kind" ;; esac
pins=$(cat requirements*.txt constraints.txt | cksum)
if has_packages && is_as_asked; then
    exit
fi
choose_device
if ! { [ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' && [ "$device" = "$(noted device)" ] && is_as_asked; }; then
    python=$(find_python)
    make_environment
    note python "${PYTHON:-}"
    note device "$device"
fi
set -- requirements.txt requirements-dvc.txt "requirements-$device.txt"
[ "$kind" = run ] || set -- "$@" requirements-dask.txt requirements-gym.txt requirements-onnx.txt requirements-docs.txt \
    requirements-dev.txt
install_packages "$@"
note run "$pins"
[ "$kind" = run ] || note dev "$pins"
say "ready: . $venv/bin/activate"
