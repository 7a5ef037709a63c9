#!/bin/sh
# Another that draws no picture.
echo "$1"
