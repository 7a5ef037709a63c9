#!/bin/sh
# A program of captcha_cmd for pipe tests: its picture says the text, its question the answer.
case $1 in
--question) printf 'What is two plus two (%s)?\n4\nfour\n' "$2" ;;
*) printf '\211PNG%s' "$1" ;;
esac
