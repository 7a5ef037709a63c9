/* link: the secrets of records that a trace has. */
#include "link/link_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define REGISTER "register\t1\texample.com\t192.0.2.1\t1\ten\t"

#define ENABLE(node, secret)                                                             \
  "stanza\ta\tb\tiq\tset\tpush-1\tns=urn:xmpp:push:0\tc2sd:1\t<iq><enable jid='p' "      \
  "node='" node "'><x xmlns='jabber:x:data'><value>http://jabber.org/protocol/"          \
  "pubsub#publish-options</value><value>" secret "</value></x></enable></iq>\n"
#define PUBLISH(id, node, secret)                                                        \
  "stanza\tp\ta\tiq\tset\t" id                                                           \
  "\tns=http://jabber.org/protocol/pubsub\tpushd:1\t<publish "                           \
  "node=\"" node "\"><value>New message</value></publish><publish-options>"              \
  "<value>" secret "</value>"

static struct {
  char const *line, *masked;
} const cases[] = {
  {"account\tadd\tromeo@example.com\tsecret",                                             "account\tadd\tromeo@example.com\t******"},
  {"account\tpasswd\tromeo@example.com\ta\\tb\n",
   "account\tpasswd\tromeo@example.com\t****\n"                                                                                    },
  {"account\tdel\tromeo@example.com",                                                     "account\tdel\tromeo@example.com"        },
  {"account\tadd\tromeo@example.com",                                                     "account\tadd\tromeo@example.com"        },
  {"account\tlist",                                                                       "account\tlist"                          },
  {REGISTER "<iq id='1'><query><password>a&lt;b</password></query></iq>",
   REGISTER "<iq id='1'><query><password>******</password></query></iq>"                                                           },
  {REGISTER "<iq><value>a<![CDATA[<b>]]>c</value></iq>\n",
   REGISTER "<iq><value>*<![CDATA[***]]>*</value></iq>\n"                                                                          },
  {REGISTER "<iq a='>'>x</iq>",                                                           REGISTER "<iq a='>***</iq>"              },
  {REGISTER "<iq><preauth token=\"abc\" xmlns='x'/></iq>",
   REGISTER "<iq><preauth token=\"***\" xmlns='x'/></iq>"                                                                          },
  {"success\t1\tdata\tromeo@example.com\tsecret\t2026-11-28T00:00:00Z",
   "success\t1\tdata\tromeo@example.com\t******\t2026-11-28T00:00:00Z"                                                             },
  {"success\t1\t\tromeo@example.com\n",                                                   "success\t1\t\tromeo@example.com\n"      },
  {REGISTER,                                                                              REGISTER                                 },
  {"register",                                                                            "register"                               },
  {"stanza\ta\tb\tiq\tset\t1\tns=jabber:iq:register ip=1.2.3.4\tc2sd:1\t<iq>secret</iq>",
   "stanza\ta\tb\tiq\tset\t1\tns=jabber:iq:register ip=1.2.3.4\tc2sd:1\t<iq>******</iq>"                                           },
  {ENABLE("n17",                                                                          "a secret of many letters"),               ENABLE("5bf", "5b03fbad40c6210f********")},
  {PUBLISH("push-1",                                                          "n17",                                                                                                   "sesame"), PUBLISH("push-1", "5bf", "bdd942")},
  {PUBLISH("1",                       "n17","sesame"), PUBLISH("1", "n17", "sesame")},
 /* NUL romeo NUL pencil; the same with stars. */
  {"auth\t1\texample.com\tPLAIN\tAHJvbWVvAHBlbmNpbA==\t192.0.2.1\t1",
   "auth\t1\texample.com\tPLAIN\tAHJvbWVvACoqKioqKg==\t192.0.2.1\t1"                                                                                                               },
  {"auth\t1\texample.com\tPLAIN\tAHJvbWV\t192.0.2.1\t1",
   "auth\t1\texample.com\tPLAIN\t*******\t192.0.2.1\t1"                                                                                        },
  {"auth\t1\texample.com\tPLAIN\t\t192.0.2.1\t1",
   "auth\t1\texample.com\tPLAIN\t\t192.0.2.1\t1"                                                                                                             },
  {"auth\t1\texample.com\tSCRAM-SHA-1\tbiwsbj11c2VyLHI9eA==\t",
   "auth\t1\texample.com\tSCRAM-SHA-1\tbiwsbj11c2VyLHI9eA==\t"                                                             },
  {"response\t1\tAHJvbWVvAHBlbmNpbA==\n",                                                                                     "response\t1\tAHJvbWVvACoqKioqKg==\n"},
  {"response\t1\tYz1iaXdzLHI9eA==",                                                                                     "response\t1\tYz1iaXdzLHI9eA=="},
  {"data\t1\t<auth mechanism='PLAIN'>AHJvbWVvAHBlbmNpbA==</auth><a>AHJv</a>",
   "data\t1\t<auth mechanism='PLAIN'>AHJvbWVvACoqKioqKg==</auth><a>AHJv</a>"},
  {"data\t1\tPOST / HTTP/1.1\\n\\npassword=a%20b&c=d&old=x",
   "data\t1\tPOST / HTTP/1.1\\n\\npassword=*****&c=d&old=*"                            },
  {"body\t1\tusername=a&password=b+c",                                                                                     "body\t1\tusername=a&password=***"                                                                                                                                    },
  {"stanza\ta\tb\tmessage\t\t1\tbody\tc2sd:1\t<message>open</message>",
   "stanza\ta\tb\tmessage\t\t1\tbody\tc2sd:1\t<message>open</message>"                                                            },
};

static void
masks(void **state)
{
  char line[512];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(line, sizeof line, "%s", cases[i].line);
    secrets_mask(line, strlen(line));
    if (strcmp(line, cases[i].masked) != 0)
      print_message("%s\n%s\n", line, cases[i].masked);
    assert_string_equal(line, cases[i].masked);
  }
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(masks)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
