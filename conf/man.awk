# ejabberd.yml(5) from the table of options: xmpp-confgen list | awk -f conf/man.awk
BEGIN {
  FS = "\t"
  print ".Dd November 28, 2026\n.Dt EJABBERD.YML 5\n.Os tabber\n.Sh NAME\n.Nm ejabberd.yml"
  print ".Nd configuration of tabber\n.Sh DESCRIPTION"
  print "The configuration of tabber is the file that configures an ejabberd server (18.04 and later)."
  print ".Xr xmpp-confgen 1\nchecks it and compiles it."
  print "Options are of three kinds: works; no program yet, which is checked and causes a warning;"
  print "and no effect, which causes a warning."
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
  print ".Ic scram_iterations"
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
{
  name = $1
  group = ""
  if (match(name, /\.[^.]*$/)) { group = substr(name, 1, RSTART - 1); name = substr(name, RSTART + 1) }
  if (!started || group != last) {
    if (started) print ".El"
    print ".Ss " head(group) "\n.Bl -tag -width Ds -compact"
    started = 1
    last = group
  }
  print ".It Ic " name
  line = ($2 == "works") ? "works" : ($2 == "later" ? "no program yet" : "no effect")
  if ($3 != "") line = line "; default \\&" $3
  print line
}
END {
  print ".El\n.Sh EXAMPLES\n.Bd -literal -offset indent"
  print "hosts: [example.com]\nlisten:\n  - {port: 5222, module: ejabberd_c2s, starttls_required: true}"
  print "certfiles: [/etc/letsencrypt/live/*/*.pem]\nmodules:\n  mod_roster: {}\n  mod_mam: {default: always}"
  print ".Ed\n.Sh BUGS"
  print "The page has the name and kind of each option, and no description; ejabberd's manual has those."
  print ".Sh SEE ALSO\n.Xr xmpp-confgen 1 ,\n.Xr tabber-settings 5"
}
