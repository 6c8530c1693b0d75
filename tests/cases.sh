# Sourced by test scripts: cases, their counts, and a scratch folder $work that goes away at the end.
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# try NAME COMMAND... - one case: it passes if the command succeeds; what a failing one printed is shown.
try()
{
	name=$1
	shift
	if "$@" >"$work/log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $name"
	else
		failed=$((failed + 1))
		sed 's/^/# /' "$work/log"
		echo "not ok $((passed + failed)) - $name"
	fi
}

# makefile_value NAME - what a variable of the built tree's Makefile says, as it stands there.
makefile_value()
{
	sed -n "s/^$1 = //p" "$top_builddir/Makefile"
}

# end_cases - the last command of a script: print the counts, and fail if a case failed or none ran.
end_cases()
{
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}
