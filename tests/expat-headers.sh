#!/bin/sh
# lib/xml compiles with the header of either expat 2.5: with XML_SetReparseDeferralEnabled
# (the security update of Debian 12 has it) and without.
# USAGE   tests/expat-headers.sh     from the repository's root; EXIT 0 both do
set -e
CC=${CC:-gcc}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
name=XML_SetReparseDeferralEnabled
header=$(echo '#include <expat.h>' | "$CC" -E -M - | tr ' ' '\n' | grep '/expat\.h$')
mkdir "$tmp/without" "$tmp/with"
# The declaration is two lines: its type, then its name and parameters.
tr '\n' '\001' < "$header" |
  sed "s/XMLPARSEAPI(XML_Bool)[^;]\{0,4\}$name([^;]*);//" | tr '\001' '\n' > "$tmp/without/expat.h"
{ cat "$tmp/without/expat.h"
  echo 'XMLPARSEAPI(XML_Bool)'
  echo "$name(XML_Parser parser, XML_Bool enabled);"; } > "$tmp/with/expat.h"
! grep -q "^$name(" "$tmp/without/expat.h"
for h in without with; do
  for f in lib/xml/*.c; do
    "$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$tmp/$h" -Ilib -c -o /dev/null "$f"
  done
done
