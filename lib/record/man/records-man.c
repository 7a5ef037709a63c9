/* Writes xmpp-records(7) from the tables of verbs and tags. */
#include "record/tags.h"
#include "record/verbs.h"

#include <stdio.h>

char const *PROG = "records-man";

static char const head[] =
  ".Dd November 22, 2026\n"
  ".Dt XMPP-RECORDS 7\n"
  ".Os tabber\n"
  ".Sh NAME\n"
  ".Nm xmpp-records\n"
  ".Nd what the programs of tabber say to each other\n"
  ".Sh DESCRIPTION\n"
  "A record is one line that ends in a newline.\n"
  "Its fields are separated by one TAB; the first is the verb.\n"
  "In a field \\e\\e \\et \\en \\er stand for backslash, TAB, newline and carriage "
  "return; \\e0\n"
  "stands for NUL and occurs only in the bytes of a conduit.\n"
  "Absent and empty are the same.\n"
  "A reader ignores extra fields at the end and logs an unknown verb once.\n"
  "What is not a record, or a verb that its sender may not say, ends the link.\n"
  ".Ss Links\n"
  "Links are UNIX stream sockets\n"
  ".Pa RUN/INSTANCE/link .\n"
  "Both sides say\n"
  ".Ic hello\n"
  "first; the user of the peer must be one that the settings allow for its program.\n"
  ".Ic hello\n"
  "that is refused is a line in the log with the reason.\n"
  "All records of a turn leave in one write.\n"
  "Stanzas carry in ORIGIN the instance that put them on the link and a number that "
  "rises by\n"
  "one.\n"
  "routed puts the EPOCH of the instance's\n"
  ".Ic hello\n"
  "between them when it passes a stanza on:\n"
  ".Li c2sd:7600000000123456789:17 .\n"
  "Numbers are compared within an epoch only; another epoch is another source, so a "
  "program that\n"
  "restarts may count from any number, whatever the clock says.\n"
  "A source whose EPOCH says nothing (below 2^32) has no epoch there, and never gives a "
  "number\n"
  "twice, over its restarts too.\n"
  "What is not acknowledged is sent again after a reconnect, behind the announcements of "
  "what\n"
  "still holds; the receiver drops numbers that it has had already.\n"
  "A program whose output to a link passes 4 MiB stops reading whatever feeds it until 1 "
  "MiB\n"
  "is left.\n"
  ".Ss The pipe driver\n"
  "With\n"
  ".Fl p\n"
  "a program reads these records from standard input and writes them to standard output, "
  "each\n"
  "behind the name of its link and a TAB.\n"
  "The line\n"
  ".Dl clock TAB MICROSECONDS TAB WALL\n"
  "ends the turn, moves the clock and fires timers;\n"
  "WALL is what the machine's clock, which names times but moves no timer, says then:\n"
  "without it, the same.\n"
  ".Dl seed TAB TEXT\n"
  "fixes all that is left to chance.\n"
  "A link comes up at its first line, and goes down at the record\n"
  ".Ic bye .\n"
  "A trace (see\n"
  ".Xr xmpp-ctl 1 )\n"
  "is a file of such lines.\n"
  "It begins with\n"
  ".Dl snapshot TAB MICROSECONDS\n"
  "which sets the clock, lines\n"
  ".Dl state TAB KIND TAB FIELD ...\n"
  "of what the program held, which only the program that wrote them understands, and\n"
  ".Dl snapshot TAB end\n"
  "Further lines of a link are\n"
  ".Ic full\n"
  "and\n"
  ".Ic drained ,\n"
  "when its output passed the limits;\n"
  ".Dl turn TAB over\n"
  "ends the turn alone.\n"
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
  "takes stanzas from the router, one of tabber's or one of the administrator's;\n"
  ".Ic own\n"
  "is a service of tabber's own, whose word the router takes for accounts and hosts "
  "(xmpp-userd, xmpp-hostd, xmpp-mamd);\n"
  ".Ic control\n"
  "is xmpp-ctl.\n";

static char const tags[] = ".Sh TAGS\n"
                           "A tag that ends in = has a value behind it.\n"
                           ".Bl -tag -width Ds\n";

static char const verbs[] = ".El\n"
                            ".Sh VERBS\n"
                            ".Bl -tag -width Ds\n";

static char const tail[] = ".El\n"
                           ".Sh SEE ALSO\n"
                           ".Xr xmpp-ctl 1 ,\n"
                           ".Xr tabber-settings 5 ,\n"
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
