# Sourced by the scripts beside it: makes .venv from the lock files, once, and again when they change.
# set_up run|dev     dev adds what tests and checks need

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# pip compiles nothing, since most modules are never loaded; each of the others is, when it first is.
unset PYTHONDONTWRITEBYTECODE

find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer with venv was found. On Debian: apt-get install python3 python3-venv" >&2
    return 1
}

lock_of() {
    if [ "$1" = dev ]; then echo requirements-dev.lock; else echo requirements.lock; fi
}

checksum_of() {
    cat requirements-setup.lock pyproject.toml "$(lock_of "$1")" | cksum
}

is_set_up() {
    [ -x .venv/bin/market-assets ] && [ "$(cat ".venv/installed-$1" 2>/dev/null)" = "$(checksum_of "$1")" ]
}

make_environment() {
    local python
    if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python="$(find_python)"
        rm -rf .venv
        "$python" -m venv .venv
    fi
}

set_up() {
    if is_set_up dev || { [ "$1" = run ] && is_set_up run; }; then
        return
    fi
    echo "Setting up .venv from $(lock_of "$1") (a minute or two, once) ..." >&2
    make_environment
    local pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet --no-input)
    # An old pip misreads hashes of packages that are required with extras.
    "${pip[@]}" install --require-hashes --requirement requirements-setup.lock
    "${pip[@]}" install --no-compile --require-hashes --requirement "$(lock_of "$1")"
    PYTHONWARNINGS=ignore "${pip[@]}" install --no-deps --no-build-isolation --editable .
    checksum_of "$1" >".venv/installed-$1"
}
