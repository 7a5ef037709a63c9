#!/bin/sh
# Unpacks packages of Debian below a folder, and installs none of them: a web server that is
# installed begins to serve port 80. Without a network the tests that need them say "skipped".
#
# USAGE   tests/unpack.sh DIR PACKAGE...
# EXIT    0 also when a package did not come, which is said
dir=$1
shift
mkdir -p "$dir/.have" && cd "$dir" || exit 1

get() { # the .deb of $1
  apt-get -q=2 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 download "$1" > /dev/null 2>&1
}

for p in "$@"; do
  [ -e ".have/$p" ] && continue
  command -v apt-get > /dev/null || { echo "$p: no apt-get to fetch it with"; continue; }
  get "$p" || { [ "$(id -u)" = 0 ] && apt-get -q=2 update > /dev/null 2>&1 && get "$p"; } || {
    echo "$p: apt did not fetch it"
    continue
  }
  dpkg-deb -x "$p"_*.deb . && rm -f "$p"_*.deb && : > ".have/$p"
done
