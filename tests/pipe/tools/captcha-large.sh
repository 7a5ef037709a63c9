#!/bin/sh
# Another that draws more than a picture may have.
printf '\211PNG'
head -c 65533 /dev/zero
sleep 60
