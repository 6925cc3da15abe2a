# Checks and installs what the scripts need from the system. Sourced, not run.

# Prints the Debian package of each missing library or program, one per line.
missing_packages() {
    local libraries=
    for pair in "$@"; do
        package=${pair%%=*}
        what=${pair#*=}
        case $what in
            *.so.*)
                [ -n "$libraries" ] || libraries=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null)
                [[ $libraries == *"$what"* ]] || echo "$package"
                ;;
            /*) ls $what >/dev/null 2>&1 || echo "$package" ;;
            *) command -v "$what" >/dev/null 2>&1 || echo "$package" ;;
        esac
    done
}

# Installs what is missing, or says what to install. Arguments: PACKAGE=LIBRARY, PACKAGE=PROGRAM or PACKAGE=PATTERN
# (of a path).
need() {
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    missing=$(sort -u <<<"$missing" | tr '\n' ' ')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing $missing" >&2
        if DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 ||
            { apt-get update >/dev/null 2>&1 &&
                DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >/dev/null; }; then
            return 0
        fi
    fi
    echo "Missing on this system: ${missing% }. Install it with: apt-get install ${missing% }" >&2
    return 1
}

# Whether bubblewrap shuts a process in as the server wants it (Thumbnails/Sandbox.cs), or says what is missing.
check_sandbox() {
    local said
    said=$(bwrap --unshare-all --unshare-user --disable-userns --cap-drop ALL --ro-bind / / true 2>&1) && return 0
    case $said in
        *[Uu]nknown\ option*) echo "$(bwrap --version) is too old: version 0.8 or later is needed." >&2 ;;
        *) echo "bubblewrap may not make namespaces, as in a container without user namespaces: ${said%%$'\n'*}" >&2 ;;
    esac
    return 1
}

# The .NET SDK, which no script installs.
need_dotnet() {
    command -v dotnet >/dev/null 2>&1 && return 0
    echo "The .NET 10 SDK is missing: install it so that 'dotnet' is found." >&2
    return 1
}
