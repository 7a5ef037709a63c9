#!/bin/sh
# A web service of tabber in shell and awk: answers GET with who asks, and POST with what was
# sent, in capitals. conf/service.md explains it.
#
# usage: web-service.sh, in the environment NAME and LINK (xmpp-up sets both)
set -eu
if [ -z "${LINKED:-}" ]; then
  exec env LINKED=1 s6-ipcclient "$LINK" "$0"
fi
epoch=$(($(date +%s) * 4294967296 + $$))
printf 'hello\t%s\t1\t%s\t%s\nmount\tservice:%s\n' "$NAME" "$NAME" "$epoch" "$NAME" >&7
exec awk -W interactive '
BEGIN { FS = "\t" }

# Escapes of records (\n, \\) are one byte each.
function length_of(text) { gsub(/\\./, "x", text); return length(text) }

function answer(id, status, text) {
  print "answer\t" id "\t" status "\t" length_of(text) "\tContent-Type: text/plain"
  if (text != "") print "body\t" id "\t" text
  print "ended\t" id
}

$1 == "request" {
  method[$2] = $4
  if ($11 != "")          # a body will come: let it in
    print "accept\t" $2
  else if ($4 == "GET" || $4 == "HEAD")
    answer($2, 200, "You are " $10 ", and asked for " $6 $7 ".\\n")
  else
    answer($2, 405, "")
}
$1 == "body" {            # as much as is wanted of it; the rest is let go
  if (length(text[$2]) < 10000) text[$2] = text[$2] $3
}
$1 == "ended" {
  answer($2, 200, upper(text[$2]))
  delete text[$2]
}
$1 == "cancel" { delete text[$2] }
{ fflush() }

# Letters of escapes stay as they are.
function upper(t,    out, i) {
  while ((i = index(t, "\\")) > 0) {
    out = out toupper(substr(t, 1, i - 1)) substr(t, i, 2)
    t = substr(t, i + 2)
  }
  return out toupper(t)
}' <&6 >&7
