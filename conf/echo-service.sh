#!/bin/sh
# A service of tabber in shell and awk: echoes messages at a domain of its own, answers pings there,
# and tells the machine's load at every host. conf/service.md explains each line.
#
# usage: echo-service.sh DOMAIN, in the environment NAME and LINK (xmpp-up sets both)
set -eu
if [ -z "${LINKED:-}" ]; then
  exec env LINKED=1 s6-ipcclient "$LINK" "$0" "$1"
fi
epoch=$(($(date +%s) * 4294967296 + $$))
{
  printf 'hello\t%s\t1\t%s\t%s\n' "$NAME" "$NAME" "$epoch"
  printf 'serve\t%s\n' "$1"
  printf 'item\thost\t%s\tEcho\n' "$1"
  printf 'feature\thost\turn:example:load\n'
  printf 'handle\thost\turn:example:load\n'
} >&7
exec awk -W interactive -v name="$NAME" -v domain="$1" -v start="$(date +%s)" '
BEGIN {
  FS = "\t"
  number = start * 1000000   # of our stanzas: each run begins above the last one
  got = said = done = 0      # stanzas that came, that we have acknowledged, answers acknowledged
}

# Put the answer to the stanza in hand: TYPE, TAGS, and the XML inside the element.
function answer(type, tags, inside,    q, n) {
  q = "\047"
  n = sprintf("%.0f", ++number)
  waits[n] = got
  printf "stanza\t%s\t%s\t%s\t%s\t%s\t%s\t%s:%s\t", $3, $2, $4, type, $6, tags, name, n
  printf "<%s type=%s%s%s id=%s%s%s to=%s%s%s from=%s%s%s", $4, q, type, q, q, $6, q, q, $3, q, q, $2, q
  print (inside == "" ? "/>" : ">" inside "</" $4 ">")
}

# Acknowledge what came before the first stanza whose answer xmpp-routed does not have yet.
function settle(    first, n) {
  first = got + 1
  for (n in waits) if (waits[n] < first) first = waits[n]
  if (first - 1 > said) { said = first - 1; print "ack\t" said }
}

function payload(tags) { return match(tags, /ns=[^ ]*/) ? substr(tags, RSTART + 3, RLENGTH - 3) : "" }

function refuse() {
  answer("error", "", "<error type=\047cancel\047><service-unavailable " \
    "xmlns=\047urn:ietf:params:xml:ns:xmpp-stanzas\047/></error>")
}

function request(    ns, load) {
  ns = payload($7)
  if (ns == "urn:example:load" && $5 == "get") {
    getline load < "/proc/loadavg"
    close("/proc/loadavg")
    answer("result", "", "<load xmlns=\047" ns "\047>" load "</load>")
  } else if (ns == "urn:xmpp:ping" && $5 == "get" && $2 == domain)
    answer("result", "", "")
  else if (ns == "http://jabber.org/protocol/disco#info" && $5 == "get" && $2 == domain)
    answer("result", "", "<query xmlns=\047" ns "\047><identity category=\047component\047 " \
      "type=\047generic\047 name=\047Echo\047/><feature var=\047urn:xmpp:ping\047/></query>")
  else
    refuse()
}

$1 == "stanza" {
  got++
  if ($4 == "iq" && ($5 == "get" || $5 == "set"))
    request()
  else if ($4 == "message" && $5 != "error" && match($9, /<body>.*<[/]body>/))
    answer($5, "body", substr($9, RSTART, RLENGTH))
  settle()
  fflush()
}
$1 == "ack" {
  for (n in waits) if (n + 0 <= $2 + 0) delete waits[n]
  settle()
  fflush()
}' <&6 >&7
