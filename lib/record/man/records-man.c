/* Writes xmpp-records(7) from the tables of verbs and tags. */
#include "record/tags.h"
#include "record/verbs.h"

#include <stdio.h>

char const *PROG = "records-man";

static char const head[] =
  ".Dd November 28, 2026\n"
  ".Dt XMPP-RECORDS 7\n"
  ".Os tabber\n"
  ".Sh NAME\n"
  ".Nm xmpp-records\n"
  ".Nd records between the programs of tabber\n"
  ".Sh DESCRIPTION\n"
  "A record is one line that ends in a newline.\n"
  "The fields of a record are separated by one TAB; the first field is the verb.\n"
  "In a field \\e\\e \\et \\en \\er stand for backslash, TAB, newline and carriage "
  "return; \\e0 stands for\n"
  "NUL and occurs only in the bytes of a conduit.\n"
  "An absent field and an empty field are the same.\n"
  "A reader ignores extra fields at the end, and logs an unknown verb once.\n"
  "A line that is not a record, or a verb that the sender may not say, ends the link.\n"
  ".Ss Links\n"
  "Links are UNIX stream sockets\n"
  ".Pa RUN/INSTANCE/link .\n"
  "Both sides say\n"
  ".Ic hello\n"
  "first; the user of the peer must be the user that the settings name for its program.\n"
  "A refused\n"
  ".Ic hello\n"
  "is logged with the reason.\n"
  "All records of a turn leave in one write.\n"
  "The ORIGIN of a stanza is the instance that put the stanza on the link, and a number "
  "that rises by\n"
  "one.\n"
  "When xmpp-routed passes a stanza on, it puts the EPOCH of the instance's\n"
  ".Ic hello\n"
  "between the two:\n"
  ".Li c2sd:7600000000123456789:17 .\n"
  "Receivers compare numbers within an epoch only, so a program that restarts may count "
  "from any\n"
  "number, whatever its clock says.\n"
  "An EPOCH below 2^32 has no meaning, and is left out of ORIGIN; the numbers of such an "
  "instance are\n"
  "never used twice, over restarts too.\n"
  "After a reconnect a program announces its sessions or registrations, and then sends "
  "the\n"
  "unacknowledged stanzas again; the receiver drops numbers that it has had already.\n"
  "When the output of a link passes 4 MiB, the program stops reading the input that "
  "feeds the link\n"
  "until 1 MiB is left.\n"
  ".Ss The pipe driver\n"
  "With\n"
  ".Fl p\n"
  "a program reads these records from standard input and writes records to standard "
  "output, each\n"
  "behind the name of its link and a TAB.\n"
  "The line\n"
  ".Dl clock TAB MICROSECONDS TAB WALL\n"
  "ends the turn, moves the clock and fires timers.\n"
  "WALL is the machine's clock, which names times but fires no timers; without WALL both "
  "clocks are the\n"
  "same.\n"
  ".Dl seed TAB TEXT\n"
  "sets the seed of all random choices; in a trace, of those of a turn, but for keys and "
  "tokens.\n"
  "A link comes up at its first line, and goes down at the record\n"
  ".Ic bye .\n"
  "A trace (see\n"
  ".Xr xmpp-ctl 8 )\n"
  "is a file of such lines.\n"
  "The line\n"
  ".Dl snapshot TAB MICROSECONDS\n"
  "begins a trace and sets the clock, the lines\n"
  ".Dl state TAB KIND TAB FIELD ...\n"
  "hold the state of the program, in the form of that program alone, and the line\n"
  ".Dl snapshot TAB end\n"
  "ends the state.\n"
  "Further lines of a link are\n"
  ".Ic full\n"
  "and\n"
  ".Ic drained\n"
  "(the output of the link passed the limits), and\n"
  ".Ic behind\n"
  "and\n"
  ".Ic caught\n"
  "(the unacknowledged records did);\n"
  ".Dl turn TAB over\n"
  "only ends the turn.\n";

static char const stanzas[] =
  ".Ss Stanzas\n"
  "XML in a record is one whole element, well-formed by itself.\n"
  "The content namespace (jabber:client, jabber:server) is implied; all others are "
  "declared in\n"
  "it.\n"
  "TAGS are words, most of which an edge makes once, so that nobody behind it parses the "
  "XML:\n"
  "see\n"
  ".Sx TAGS .\n"
  ".Ss Roles\n"
  "Each verb goes from programs of some roles to programs of some roles:\n"
  ".Ic front\n"
  "carries byte streams (xmpp-tlsd);\n"
  ".Ic edge\n"
  "speaks with clients, servers or components (xmpp-c2sd);\n"
  ".Ic router\n"
  "is xmpp-routed,\n"
  ".Ic authority\n"
  "xmpp-authd;\n"
  ".Ic service\n"
  "takes stanzas from the router; a service of tabber's or of the administrator's;\n"
  ".Ic own\n"
  "is a service of tabber's own, which the router trusts with accounts and hosts "
  "(xmpp-userd, xmpp-hostd, xmpp-mamd, xmpp-uploadd);\n"
  ".Ic web\n"
  "speaks HTTP: it takes the conduits of a front, gives requests to services, and makes\n"
  "conduits of its own to an edge (xmpp-webd);\n"
  ".Ic control\n"
  "is xmpp-ctl;\n"
  ".Ic monitor\n"
  "is xmpp-ctl as the service metrics, which may ask for figures and change nothing.\n";

static char const tags[] = ".Sh TAGS\n"
                           "A tag that ends in = has a value behind it.\n"
                           ".Bl -tag -width Ds\n";

static char const verbs[] = ".El\n"
                            ".Sh VERBS\n"
                            ".Bl -tag -width Ds\n";

static char const tail[] =
  ".El\n"
  ".Sh EXAMPLES\n"
  "xmpp-c2sd passes a message of the session romeo@example.net/orchard on, and "
  "xmpp-routed\n"
  "acknowledges the record and delivers the message to the session 1 of xmpp-c2sd:\n"
  ".Bd -literal\n"
  "stanza\tjuliet@example.com\tromeo@example.net/"
  "orchard\tmessage\tchat\tm1\tbody\tc2sd:2\t"
  "<message ...>\n"
  "deliver\t1\tjuliet@example.com\tromeo@example.net/orchard\tmessage\tchat\tm1\tbody "
  "id=4096000000000000002\tc2sd:7600000000123456789:2\t<message ...>\n"
  "ack\t2\n"
  ".Ed\n"
  ".Sh SEE ALSO\n"
  ".Xr xmpp-ctl 8 ,\n"
  ".Xr tabber-settings 5 ,\n"
  ".Xr xmpp-restarts 7 ,\n"
  ".Xr xmpp-c2sd 8 ,\n"
  ".Xr xmpp-routed 8 ,\n"
  ".Xr xmpp-tlsd 8\n";

static void
print_roles(unsigned int bits)
{
  unsigned int i;
  bool first = true;

  if (bits == ROLES_ALL) {
    printf("any program");
    return;
  }
  for (i = 0; i < ROLES_N; i++) {
    if (!(bits & 1u << i)) continue;
    printf("%s%s", first ? "" : ", ", role_name(1u << i));
    first = false;
  }
}

static void
print_tags(void)
{
  unsigned int t;

  fputs(tags, stdout);
  for (t = 0; t < TAGS_N; t++) {
    printf(".It Li %s\n%s\n.br\nFrom ", tag_rows[t].word, tag_rows[t].text);
    print_roles(tag_rows[t].from);
    printf(".\n");
  }
}

int
main(void)
{
  unsigned int v;

  fputs(head, stdout);
  fputs(stanzas, stdout);
  print_tags();
  fputs(verbs, stdout);
  for (v = 0; v < VERBS_N; v++) {
    struct verb_row const *row = &verb_rows[v];
    printf(".It Ic %s Ar %s\n", row->word, *row->fields ? row->fields : "\\&");
    printf("%s\n.br\nFrom ", row->text);
    print_roles(row->from);
    printf(" to ");
    print_roles(row->to);
    printf(".\n");
  }
  fputs(tail, stdout);
  return ferror(stdout) ? 111 : 0;
}
