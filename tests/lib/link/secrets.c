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
  {REGISTER "<iq a='>'>x</iq>",                                                           REGISTER "<iq a='>'>*</iq>"              },
  {REGISTER "<iq><preauth token=\"abc\" xmlns='x'/></iq>",
   REGISTER "<iq><preauth token=\"***\" xmlns='x'/></iq>"                                                                          },
  {"success\t1\tdj0x\tromeo@example.com\tsecret\t2026-11-28T00:00:00Z",
   "success\t1\tdj0x\tromeo@example.com\t******\t2026-11-28T00:00:00Z"                                                             },
  {"success\t1\t\tromeo@example.com\n",                                                   "success\t1\t\tromeo@example.com\n"      },
  {REGISTER,                                                                              REGISTER                                 },
  {"register",                                                                            "register"                               },
  {"stanza\ta\tb\tiq\tset\t1\tns=jabber:iq:register ip=1.2.3.4\tc2sd:1\t<iq>secret</iq>",
   "stanza\ta\tb\tiq\tset\t1\tns=jabber:iq:register ip=1.2.3.4\tc2sd:1\t<iq>******</iq>"                                           },
  {ENABLE("n17",                                                                          "a secret of many letters"),               ENABLE("*bf", "*b03fbad40c6210f********")},
  {PUBLISH("push-1",                                                          "n17",                                                                                                   "sesame"), PUBLISH("push-1", "*bf", "*dd942")},
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
 /* NUL romeo NUL, and the bytes of a proof; the same with stars. */
  {"auth\t1\te\tHT-SHA-256-NONE\tcm9tZW8AAP8BAgM=\t",
   "auth\t1\te\tHT-SHA-256-NONE\tcm9tZW8AKioqKio=\t"                                                            },
  {"auth\t1\te\tHT-SHA-256-NONE\tcm9tZW8=\t",                                                                                     "auth\t1\te\tHT-SHA-256-NONE\t*******=\t"                                                                                                                },
  {"auth\t1\te\tPLAIN\t=\t",                                                                                     "auth\t1\te\tPLAIN\t=\t"                                                                },
  {"success\t1\tdj1hYmM=\tr@e",                                                                                     "success\t1\tdj1hYmM=\tr@e"},
  {"success\t1\tAP8BAgM=\tr@e",                                                                                     "success\t1\t*******=\tr@e"                         },
  {"invite\tredeem\te\tr@e\ttoken\tj@e",                                                                                     "invite\tredeem\te\tr@e\t*****\tj@e"},
  {"data\t1\t<authenticate xmlns='urn:xmpp:sasl:2' "
   "mechanism=\"HT-SHA-256-NONE\">\\n<initial-response>"
   "cm9tZW8AAP8BAgM=</initial-response>",                                                                                     "data\t1\t<authenticate xmlns='urn:xmpp:sasl:2' "
   "mechanism=\"HT-SHA-256-NONE\">\\n<initial-response>cm9tZW8AKioqKio=</"
   "initial-response>"                                   },
  {"data\t2\t<success><additional-data>AP8BAgM=</additional-data><token\\n\\ttoken='abc' "
   "expiry='1'/>",                                                                                     "data\t2\t<success><additional-data>*******=</additional-data><token\\n\\ttoken='***' "
   "expiry='1'/>"                                                                                                                                                          },
  {"data\t3\t<success><additional-data>dj1hYmM=</additional-data>",
   "data\t3\t<success><additional-data>dj1hYmM=</additional-data>"                                                                 },
  {"data\t4\t<hash xmlns='urn:xmpp:scram-upgrade:0'>AP8B</hash><hash "
   "xmlns='urn:xmpp:hashes:2'>AP8B</hash>",                                                                                     "data\t4\t<hash xmlns='urn:xmpp:scram-upgrade:0'>****</hash><hash "
   "xmlns='urn:xmpp:hashes:2'>AP8B</hash>"                                                                                                },
  {"data\t5\t<iq><r:query xmlns:r='jabber:iq:register'><r:a>b</r:a></r:query>c</iq>",
   "data\t5\t<iq><r:query xmlns:r='jabber:iq:register'><r:a>*</r:a></r:query>c</iq>"                                                                          },
  {"deliver\t1\ta\tb\tiq\tset\t1\t\tr:1\t<iq><c><x><field "
   "var='password-verify'><value>ab</value></field><a>b"
   "</a>",                                                                                     "deliver\t1\ta\tb\tiq\tset\t1\t\tr:1\t<iq><c><x><field "
   "var='password-verify'><value>**</value></field>"
   "<a>b</a>"},
  {"data\t6\t<x><field "
   "var='muc#roomconfig_passwordprotectedroom'><value>1</value></field><password>a</"
   "password>",                                                                                     "data\t6\t<x><field "
   "var='muc#roomconfig_passwordprotectedroom'><value>1</value></field><password>*</"
   "password>"                   },
  {"data\t7\t<db:result from='a' to='b'>0f</db:result>",
   "data\t7\t<db:result from='a' to='b'>**</db:result>"},
  {"data\t8\t<iq><enable node='n17' "
   "xmlns='urn:xmpp:push:0'><value>sesame</value></enable><a node='n17'>sesame</a>",                                                                                     "data\t8\t<iq><enable node='*bf' "
   "xmlns='urn:xmpp:push:0'><value>*dd942</value></enable><a node='n17'>sesame</a>"                                           },
  {"data\t9\t<iq id='push-1'><publish node='n17'><value>New "
   "message</value></publish><publish-options><value>sesame"
   "</value></publish-options></iq>",                                                                                     "data\t9\t<iq id='push-1'><publish node='*bf'><value>New message</value>"
   "</publish><publish-options><value>*dd942</value></publish-options></iq>"                                                                                                                                                                                                           },
  {"row\txmpp:e?register;preauth=abc2;ibr=y\t1\thttps://e/i/abcdefghijklmnopqrstuvwx",
   "row\txmpp:e?register;preauth=****;ibr=y\t1\thttps://e/i/************************"                                                       },
  {"request\t1\tr\tGET\te\t/i\t/abcdefghijklmnopqrstuvw1",
   "request\t1\tr\tGET\te\t/i\t/abcdefghijklmnopqrstuvw1"                                                                                              },
  {"state\tstream\t1\t<auth mechanism='PLAIN'>AHJvbWVvAHBlbmNpbA==\tAHJvbWVvAHBlbmNpbA==",
   "state\tstream\t1\t<auth "
   "mechanism='PLAIN'>AHJvbWVvACoqKioqKg==\tAHJvbWVvAHBlbmNpbA=="                                               },
  {"stanza\ta\tb\tmessage\t\t1\tbody\tc2sd:1\t<message>open</message>",
   "stanza\ta\tb\tmessage\t\t1\tbody\tc2sd:1\t<message>open</message>"},
};

static void
masks(void **state)
{
  char line[512];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(line, sizeof line, "%s", cases[i].line);
    secrets_mask("c2sd", '>', line, strlen(line));
    if (strcmp(line, cases[i].masked) != 0)
      print_message("%s\n%s\n", line, cases[i].masked);
    assert_string_equal(line, cases[i].masked);
  }
}

/* The rest of a stream is masked as what came before it says; a stream of another number, of the other way,
 * or behind the end of the first, is one of its own. */
static void
pieces(void **state)
{
  static struct {
    char const *line, *masked;
    char way;
  } const steps[] = {
    {"data\t1\t<auth mecha",                         "data\t1\t<auth mecha",           '<'},
    {"data\t2\tAHJvbWVvAHBl",                        "data\t2\tAHJvbWVvAHBl",          '<'},
    {"data\t1\tAHJvbWVvAHBl",                        "data\t1\tAHJvbWVvAHBl",          '>'},
    {"data\t1\tnism='PLAIN'>AHJvbW",                 "data\t1\tnism='PLAIN'>AHJvbW",   '<'},
    {"data\t1\tVvAHBl",                              "data\t1\tVvACoq",                '<'},
    {"data\t1\tbmNpbA=",                             "data\t1\tKioqKg=",               '<'},
    {"data\t1\t=</auth><query xmlns='jabber:iq:reg",
     "data\t1\t=</auth><query xmlns='jabber:iq:reg",                                   '<'},
    {"data\t1\tister'><password>a",                  "data\t1\tister'><password>*",    '<'},
    {"data\t1\tb</password></query>c",               "data\t1\t*</password></query>c", '<'},
    {"data\t1\t<enable node='n1",                    "data\t1\t<enable node='**",      '<'},
    {"data\t1\t7'/><token token='x",                 "data\t1\t*'/><token token='*",   '<'},
    {"data\t1\ty'/><auth>",                          "data\t1\t*'/><auth>",            '<'},
    {"close\t1",                                     "close\t1",                       '>'},
    {"data\t1\tAHJvbWVvAHBl",                        "data\t1\tAHJvbWVvAHBl",          '<'},
    {"body\t1\tpass",                                "body\t1\tpass",                  '<'},
    {"body\t1\tword=a",                              "body\t1\tword=*",                '<'},
    {"body\t1\tb&c=d",                               "body\t1\t*&c=d",                 '<'},
    {"data\t3\t<auth>",                              "data\t3\t<auth>",                '<'},
    {"bye",                                          "bye",                            '<'},
    {"data\t3\tAHJvbWVvAHBl",                        "data\t3\tAHJvbWVvAHBl",          '<'},
  };

  char line[200];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    snprintf(line, sizeof line, "%s", steps[i].line);
    secrets_mask("tlsd", steps[i].way, line, strlen(line));
    assert_string_equal(line, steps[i].masked);
  }
  secrets_began("tlsd", 4, SLICE("<auth>AHJvbW"));
  snprintf(line, sizeof line, "data\t4\tVvAHBl");
  secrets_mask("tlsd", '<', line, strlen(line));
  assert_string_equal(line, "data\t4\tVvACoq");
  secrets_forget();
}

/* Behind the head of a WebSocket come frames. */
static void
frames(void **state)
{
  static char const head[] =
    "data\t1\tGET /ws HTTP/1.1\\r\\nSec-WebSocket-Key: a\\r\\nHost: b\\r\\n\\r";
  char line[200];

  (void)state;
  links.roles = ROLE_WEB;
  snprintf(line, sizeof line, "%s", head);
  secrets_mask("tlsd", '<', line, strlen(line));
  assert_string_equal(line, head);
  snprintf(line, sizeof line, "data\t1\t\\nab\\0\n");
  secrets_mask("tlsd", '<', line, strlen(line));
  assert_string_equal(line, "data\t1\t\\n****\n");
  snprintf(line, sizeof line, "data\t1\tab");
  secrets_mask("tlsd", '>', line, strlen(line));
  assert_string_equal(line, "data\t1\tab");
  snprintf(line, sizeof line, "data\t2\tGET / HTTP/1.1\\r\\n\\r\\nGET /");
  secrets_mask("tlsd", '<', line, strlen(line));
  assert_string_equal(line, "data\t2\tGET / HTTP/1.1\\r\\n\\r\\nGET /");
  secrets_forget();
  links.roles = 0;
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(masks), cmocka_unit_test(pieces),
                                     cmocka_unit_test(frames)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
