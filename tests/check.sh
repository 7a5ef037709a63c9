#!/bin/sh
# make check: all tests of the build folder $1, and at the end one line: N passed, N failed.
build=$1
# Sanitizers take their time.
at_once=3 # whole tests, which wait more than they work
case $build in *san*) export WHOLE_SLOW="${WHOLE_SLOW:-3}" && at_once=2 ;; esac
passed=0
failed=0
out=$(mktemp)
beside=$(mktemp)
trap 'rm -f "$out" "$beside"' EXIT

count() { # shows a file and adds up its last line "N passed, N failed"; none is a failure
  cat "$1"
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1)
  if [ -z "$line" ]; then
    failed=$((failed + 1))
    return
  fi
  passed=$((passed + ${line%% *}))
  rest=${line#*, }
  failed=$((failed + ${rest%% *}))
}

for t in "$build"/tests/lib/*/*; do
  [ -x "$t" ] || continue
  case $t in *.d | *.o) continue ;; esac
  if "$t" > "$out" 2>&1; then
    n=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$out" | awk '{ n += $1 } END { print n + 0 }')
    passed=$((passed + n))
  else
    cat "$out"
    echo "failed: $t"
    failed=$((failed + 1))
  fi
done
passes() { # counts a command as a test, whose name is $1
  name=$1
  shift
  if "$@" > "$out" 2>&1; then
    passed=$((passed + 1))
  else
    cat "$out"
    echo "failed: $name"
    failed=$((failed + 1))
  fi
}
# A warning ends no build of a user's; here it is a fault.
passes "the compiler warns" ${MAKE:-make} -s warnings
passes "lib/xml with an older expat" sh tests/expat-headers.sh
passes "the lists of extensions" tests/extensions.py
echo "unit tests: $passed passed, $failed failed so far"

# Both wait more than they work.
tests/tls/run "$build/bin" > "$beside" 2>&1 &
tests/pipe/run "$build/bin" > "$out" 2>&1
count "$out"
wait
count "$beside"

# The whole server runs as several users, who may not be able to enter this folder: it is
# tested as it is installed.
prefix=$(mktemp -d)
trap 'rm -rf "$out" "$beside" "$prefix"' EXIT
chmod 755 "$prefix"
if ${MAKE:-make} -s install B="$build" PREFIX="$prefix" DESTDIR= SBIN=bin > "$out" 2>&1; then
  # The example of a service is not installed as a program; a test runs it too.
  mkdir "$prefix/example" && cp "$build/example/xmpp-echod" "$prefix/example/"
  # Leaks are looked for by unit and pipe tests: the helper with which LeakSanitizer stops a
  # process that ends hangs now and then when many end at once.
  ASAN_OPTIONS=detect_leaks=0 tests/whole/run -j $at_once "$prefix/bin" > "$out" 2>&1
  count "$out"
else
  cat "$out"
  failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
