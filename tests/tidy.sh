#!/bin/sh
# Check the promises of the tree to a reader: every program has a manual page and tests, every
# folder its map, every row of a table of handlers a pipe test.
bad=0
say() {
  echo "tidy: $*"
  bad=1
}
for dir in bin lib service conf tests; do
  [ -f "$dir/README.md" ] || say "$dir has no README.md"
done
for dir in bin/*/; do
  name=$(basename "$dir")
  ls "$dir$name".[158] > /dev/null 2>&1 || say "$name has no manual page"
  [ -f "$dir$name.c" ] || say "$name has no file of its name"
  grep -q "$name" bin/README.md || say "bin/README.md does not name $name"
done
for area in lib/*/; do
  grep -q "$(basename "$area")" lib/README.md || say "lib/README.md does not name $area"
done
for file in $(sed -n 's/.*\(xep[0-9]*_[a-z]*\).*/\1/p' bin/*/handlers.c | sort -u); do
  number=$(echo "$file" | sed 's/xep\([0-9]*\)_.*/\1/')
  ls tests/pipe/*/"$number"* > /dev/null 2>&1 || say "$file has no pipe test tests/pipe/*/$number-*"
done
# clang-format breaks a declaration in two when the comment behind it is too long: the type stands
# alone, far from its name. It does not wrap comments, so that one may be wider than a window.
torn=$(find bin lib -name '*.[ch]' -exec awk '
  length > 110 && (/^ *(\/\*| \*)/ || /\*\/$/) { print FILENAME ":" FNR " has a comment over 110 columns" }
  type && /^ +\*?[a-z_0-9]+[^()]*; *\/\*/ { print FILENAME ":" FNR " declares a name far from its type" }
  { type = /^ *[a-z][a-z_0-9 ]*( \*+)?$/ && !/^ *(else|do|return)$/ }' {} +)
[ -z "$torn" ] || say "$torn"
tests/owners.py || bad=1
tests/events.py || bad=1
tests/federation.py || bad=1
tests/programs.py || bad=1
tests/tags.py || bad=1
tests/verbs.py || bad=1
tests/rooms.py || bad=1
tests/fail2ban.py || bad=1
exit $bad
