# ejabberd.yml(5) from the table of options: xmpp-confgen list | awk -f conf/man.awk
BEGIN {
  FS = "\t"
  print ".Dd November 22, 2026\n.Dt EJABBERD.YML 5\n.Os tabber\n.Sh NAME\n.Nm ejabberd.yml"
  print ".Nd configuration of tabber\n.Sh DESCRIPTION"
  print "The file that an ejabberd server has (18.04 and later) is the configuration of tabber."
  print ".Xr xmpp-confgen 1\nchecks it and compiles it."
  print "Options are of three kinds: those that work; those whose program does not exist yet,"
  print "which are checked, and of which a warning says so; and those that have no effect here,"
  print "of which a warning says so too."
  print "Whatever is not listed is an error."
  print ".Pp\nA repeated list or mapping is joined; a repeated scalar is an error."
  print "The values of"
  print ".Ic define_macro"
  print "stand where a whole value is a macro's name."
  print "In modules, @HOST@ stands for the host, and everywhere @HOME@, @VERSION@ and"
  print "@CONFIG_PATH@ for the server's home, its version and the folder of the file."
  print "Times are seconds, or a number with a unit (30, 30s, 5min, 1 day); sizes are bytes."
  print ".Pp\nUnder"
  print ".Ic tabber"
  print "are options of our own:"
  print ".Ic instances"
  print "(how many xmpp-tlsd and xmpp-c2sd run),"
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
END { print ".El\n.Sh SEE ALSO\n.Xr xmpp-confgen 1 ,\n.Xr tabber-settings 5" }
