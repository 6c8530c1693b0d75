# shellcheck shell=sh
# Fetching single packages of newer Debian suites. Sourced by the scripts beside it.
#
# The machine's own apt is asked where its mirror is and which key it trusts, and nothing else: package lists, sources and
# archives of this file live in a folder of their own, and the hooks of the machine's configuration are switched off.

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# need COMMAND PACKAGE - end with the name of the package that brings a missing command.
need()
{
	command -v "$1" >/dev/null 2>&1 || die "the command $1 is missing: apt-get install $2"
}

# cache_dir - print the folder that keeps what is dear to make, or nothing if there is none that can be written.
# IOASID_CACHE names another one; empty switches it off.
cache_dir()
{
	dir=${IOASID_CACHE-${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}/libioasid}
	case $dir in
	/?*) ;;
	*) return 0 ;;
	esac
	if mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ] && [ "$dir" != /libioasid ]; then
		printf '%s\n' "$dir"
	else
		say "$dir cannot be written: going on without a cache"
	fi
}

# debian_mirror - print the address this machine installs Debian from. IOASID_DEBIAN_MIRROR overrides it.
debian_mirror()
{
	if [ -n "${IOASID_DEBIAN_MIRROR:-}" ]; then
		printf '%s\n' "${IOASID_DEBIAN_MIRROR%/}"
		return
	fi
	release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n "s,^$release \(.*[^/]\)/*\$,\1,p" | grep '/debian\(/[^/]*\)\{0,1\}$' | head -n 1
}

# debian_init DIR SUITE... - prepare DIR for fetching from these suites, or say why that cannot be done and fail. The first one
# goes before the others.
debian_init()
{
	need apt-get apt
	apt_dir=$1
	apt_suite=$2
	shift
	apt_mirror=$(debian_mirror)
	if [ -z "$apt_mirror" ]; then
		say "no Debian mirror among this machine's apt sources: name one in IOASID_DEBIAN_MIRROR"
		return 1
	fi
	apt_key=/usr/share/keyrings/debian-archive-keyring.gpg
	if [ ! -r "$apt_key" ]; then
		say "$apt_key is missing: apt-get install debian-archive-keyring"
		return 1
	fi
	mkdir -p "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial"
	: >"$apt_dir/state/status"
	for suite; do
		printf 'deb [signed-by=%s] %s %s main\n' "$apt_key" "$apt_mirror" "$suite"
	done >"$apt_dir/sources.list"
	cat >"$apt_dir/apt.conf" <<-EOF
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		APT::Default-Release "$apt_suite";
		APT::Sandbox::User "root";
		Acquire::Check-Valid-Until "false";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Dir::State "$apt_dir/state/";
		Dir::State::status "$apt_dir/state/status";
		Dir::Cache "$apt_dir/cache/";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
	EOF
	if ! apt-get -q -c "$apt_dir/apt.conf" update >"$apt_dir/log" 2>&1 || grep -q '^[EW]: .*Failed' "$apt_dir/log"; then
		cat "$apt_dir/log" >&2
		say "cannot read the package list of $apt_suite from $apt_mirror (see above)"
		return 1
	fi
}

# debian_version PACKAGE - print the version that would be fetched, or nothing.
debian_version()
{
	apt-cache -c "$apt_dir/apt.conf" policy "$1" | sed -n 's/^  Candidate: //p' | grep -v '^(none)$'
}

# debian_fetch PACKAGE - download PACKAGE and print the file's name.
debian_fetch()
{
	if ! (cd "$apt_dir" && apt-get -q -c apt.conf download "$1") >"$apt_dir/log" 2>&1; then
		cat "$apt_dir/log" >&2
		die "cannot download $1 of $apt_suite from $apt_mirror (see above)"
	fi
	set -- "$apt_dir/${1}"_*.deb
	[ -e "$1" ] || die "apt-get download left no file in $apt_dir"
	printf '%s\n' "$1"
}

# debian_unpack PACKAGE DIR - download PACKAGE and everything that it needs to run, and unpack all of it in DIR. Nothing is
# installed, and no script of a package runs.
debian_unpack()
{
	if ! apt-get -q -c "$apt_dir/apt.conf" -y --no-install-recommends -d install "$1" >"$apt_dir/log" 2>&1; then
		cat "$apt_dir/log" >&2
		die "cannot download $1 of $apt_suite from $apt_mirror (see above)"
	fi
	mkdir -p "$2"
	for deb in "$apt_dir"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$2"
	done
}
