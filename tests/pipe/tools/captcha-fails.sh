#!/bin/sh
# Another that fails, and says why.
echo 'no font "x"' >&2
exit 3
