# xmpp-log(7) from lib/base/man/events and the calls of log_event in the sources:
#   awk -f lib/base/man/log.awk lib/base/man/events bin/*/*.c lib/*/*.c
# An event that one of the two lacks is not on the page: tests/events.py finds it.
BEGIN { FS = "\t" }

# ---- lib/base/man/events ----

FILENAME ~ /events$/ {
  if ($0 == "" || $0 ~ /^#/) next
  if ($1 ~ /^=/) { key[++keys] = substr($1, 2); key_text[keys] = $2; next }
  if ($1 == "") { words[event[events]] = words[event[events]] $2 FS $3 FS; next }
  event[++events] = $1
  meaning[$1] = $2
  next
}

# ---- the sources: each call, as far as its closing bracket ----

# Give the text of a call from behind its first bracket to the end, if it ends in text.
function call_of(text,   i, n, c, depth, quoted) {
  n = length(text)
  depth = 1
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (quoted && c == "\\") i++
    else if (c == "\"") quoted = !quoted
    else if (!quoted && c == "(") depth++
    else if (!quoted && c == ")" && !--depth) return substr(text, 1, i - 1)
  }
  return ""
}

# Split the arguments of a call into arg[1..]; give their number.
function split_arguments(text,   i, n, c, depth, quoted, count) {
  count = 1
  arg[1] = ""
  n = length(text)
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (!quoted && !depth && c == ",") { arg[++count] = ""; continue }
    arg[count] = arg[count] c
    if (quoted && c == "\\") arg[count] = arg[count] substr(text, ++i, 1)
    else if (c == "\"") quoted = !quoted
    else if (!quoted && c == "(") depth++
    else if (!quoted && c == ")") depth--
  }
  return count
}

function level_of(text,   out) {
  if (text ~ /LOG_FATAL/) out = out ", fatal"
  if (text ~ /LOG_WARN/) out = out ", warning"
  if (text ~ /LOG_INFO/) out = out ", info"
  if (text ~ /LOG_DEBUG/) out = out ", debug"
  return substr(out, 3)
}

function note(name, program, level, fields,   i, n) {
  if (index(programs[name], program) == 0)
    programs[name] = programs[name] (programs[name] == "" ? "" : ", ") program
  if (index(levels[name], level) == 0)
    levels[name] = levels[name] (levels[name] == "" ? "" : ", ") level
  n = split(fields, field, " ")
  for (i = 1; i <= n; i++)
    if (index(" " shown[name] " ", " " field[i] " ") == 0) shown[name] = shown[name] " " field[i]
}

function take(text, program,   i, n, fields, names, name) {
  n = split_arguments(text)
  if (level_of(arg[1]) == "") return
  for (i = 3; i < n; i += 2) {
    gsub(/[" ]/, "", arg[i])
    fields = fields " " arg[i]
  }
  names = arg[2]
  while (match(names, /"[a-z0-9-]+"/)) {
    name = substr(names, RSTART + 1, RLENGTH - 2)
    names = substr(names, RSTART + RLENGTH)
    note(name, program, level_of(arg[1]), fields)
  }
}

function program_of(path,   part) {
  split(path, part, "/")
  return part[1] == "bin" ? part[2] : "any program"
}

FNR == 1 { open_call = "" }
open_call != "" { open_call = open_call " " $0 }
open_call == "" && /[^a-z_]log_event\(/ {
  open_call = $0
  sub(/.*log_event\(/, "", open_call)
}
open_call != "" {
  whole = call_of(open_call)
  if (whole != "") { take(whole, program_of(FILENAME)); open_call = "" }
}

# ---- the page ----

# A sentence ends its line. A dot in front would be a request of troff.
function prose(text) {
  gsub(/\. /, ".\n", text)
  print text
}

function page_head() {
  print ".Dd November 28, 2026\n.Dt XMPP-LOG 7\n.Os tabber\n.Sh NAME\n.Nm xmpp-log"
  print ".Nd events in the logs of the programs of tabber\n.Sh DESCRIPTION"
  prose("Each program writes its log to standard error, one line for an event:")
  print ".Pp\n.Dl PROGRAM: LEVEL: event=NAME key=value ...\n.Pp"
  prose("Levels are fatal (the program ends), warning (something is wrong), info (what connections and accounts did, and what was not delivered) and debug (each delivery). The option loglevel sets the level that is written: 0 and 1 (none, critical) fatal; 2 and 3 (error, warning) warning; 4 (info) info; 5 (debug) debug. A reload changes it in all programs. No line has the text of a message or a secret.")
  print ".Pp"
  prose("A value that has blanks, quotes, control characters, characters that change the direction of text, or bytes that are not UTF-8, is in double quotes, and these are written as \\e\", \\e\\e and \\exHH. So whatever a stranger sends makes one line, and cannot look like another key. A value is cut after 399 bytes, and a line has at most 2048.")
  print ".Pp"
  prose("All programs name a connection by the same conn=, so that one search over all logs shows what became of the connection.")
  print ".Pp"
  prose("A program that cannot start, or whose system fails it, writes PROGRAM: fatal: and the reason in words, and exits; such a line has no event.")
  print ".Ss Events\nAn event has the programs that write it, its level, and its keys.\n.Bl -tag -width Ds"
}

END {
  page_head()
  for (i = 1; i <= events; i++) {
    name = event[i]
    if (!(name in levels)) continue
    print ".It Cm " name "\n" programs[name] ", " levels[name] ":" (shown[name] == "" ? " no keys" : shown[name]) ".\n.br"
    prose(meaning[name])
    n = split(words[name], w, FS)
    if (n < 2) continue
    print ".Bl -tag -width Ds -compact"
    for (j = 1; j + 1 <= n; j += 2) { print ".It Li " w[j]; prose(w[j + 1]) }
    print ".El"
  }
  print ".El\n.Ss Keys\n.Bl -tag -width Ds -compact"
  for (i = 1; i <= keys; i++) { print ".It Cm " key[i]; prose(key_text[i]) }
  print ".El\n.Sh SEE ALSO\n.Xr xmpp-ctl 8 ,\n.Xr xmpp-up 8 ,\n.Xr xmpp-records 7"
}
