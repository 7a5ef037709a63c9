# tabber-ejabberd.yml(5) from the words in man.options, OPTION TAB WORDS, and the table of options:
# xmpp-confgen list | awk -f conf/man.awk conf/man.options -
BEGIN {
  FS = "\t"
  print ".Dd November 28, 2026\n.Dt TABBER-EJABBERD.YML 5\n.Os tabber\n.Sh NAME\n.Nm tabber-ejabberd.yml"
  print ".Nd configuration of tabber\n.Sh DESCRIPTION"
  print "The configuration of tabber is the file that configures an ejabberd server (18.04 and later)."
  print ".Xr xmpp-confgen 8\nchecks it and compiles it."
  print "An option without effect here causes a warning."
  print "An option that is not listed is an error."
  print ".Pp\nA repeated list or mapping is joined; a repeated scalar is an error."
  print "Where a whole value is the name of a macro of"
  print ".Ic define_macro ,"
  print "the value of the macro is taken."
  print "In modules @HOST@ stands for the host, and everywhere @HOME@, @VERSION@ and"
  print "@CONFIG_PATH@ for the server's home, its version and the folder of the file."
  print "Times are seconds, or a number with a unit (30, 30s, 5min, 1 day); sizes are bytes."
  print ".Pp\nUnder"
  print ".Ic tabber"
  print "are options of our own:"
  print ".Ic instances"
  print "(how many xmpp-tlsd and xmpp-c2sd run),"
  print ".Ic uids"
  print "(the number of the first of the programs' users),"
  print ".Ic scram_iterations ,"
  print ".Ic log"
  print "(file, stderr or syslog: the place of the logs),"
  print "and"
  print ".Ic archive ,"
  print "which a host may have of its own."
}
function head(in_) {
  if (in_ == "") return "Top level"
  if (in_ == "listen") return "Listeners"
  if (in_ == "module") return "All modules"
  if (in_ == "modules") return "Modules"
  return in_
}
# man.options: words as mdoc takes them, and a name at their end apart from the period.
FNR == NR {
  gsub(/\\/, "\\e", $2)
  gsub(/-/, "\\-", $2)
  words[$1] = $2
  next
}
{
  name = full = $1
  group = ""
  if (match(name, /\.[^.]*$/)) { group = substr(name, 1, RSTART - 1); name = substr(name, RSTART + 1) }
  if (!started || group != last) {
    if (started) print ".El"
    print ".Ss " head(group) "\n.Bl -tag -width Ds -compact"
    started = 1
    last = group
  }
  print ".It Ic " name
  line = words[full]
  if ($2 == "no effect") line = "No effect" ($3 == "" ? "." : ": " $3 ".")
  if (line != "") print "\\&" line
  if ($2 == "works" && $3 != "") print "Default: \\&" $3
}
END {
  print ".El\n.Sh EXAMPLES\n.Bd -literal -offset indent"
  print "hosts: [example.com]\nlisten:\n  - {port: 5222, module: ejabberd_c2s, starttls_required: true}"
  print "certfiles: [/etc/letsencrypt/live/*/*.pem]\nmodules:\n  mod_roster: {}\n  mod_mam: {default: always}"
  print ".Ed\n.Sh BUGS"
  print "The page has no examples of most options; ejabberd's manual has them."
  print ".Sh SEE ALSO\n.Xr xmpp-confgen 8 ,\n.Xr tabber-settings 5"
}
