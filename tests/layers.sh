#!/bin/sh
# An area includes only areas before it in the list; a program includes no other program's
# header. $@: the areas, lowest first.
bad=0
n=0
for area in "$@"; do
  n=$((n + 1))
  eval "rank_$area=$n"
done
for file in lib/*/*.[ch]; do
  area=${file#lib/}
  area=${area%%/*}
  eval "own=\${rank_$area:-0}"
  if [ "$own" = 0 ]; then
    echo "layers: $area has no rank"
    bad=1
  fi
  for other in $(sed -n 's|^#include "\([a-z0-9_]*\)/.*|\1|p' "$file" | sort -u); do
    eval "rank=\${rank_$other:-0}"
    if [ "$rank" = 0 ] || [ "$rank" -gt "$own" ]; then
      echo "layers: $file includes $other, which is not below $area"
      bad=1
    fi
  done
done
for file in bin/*/*.[ch]; do
  for header in $(sed -n 's|^#include "\(.*\)"|\1|p' "$file"); do
    [ -f "lib/$header" ] || [ -f "$(dirname "$file")/$header" ] || {
      echo "layers: $file includes $header, which is neither an area's nor its own"
      bad=1
    }
  done
done
exit $bad
