#include "caps/caps.h"

#include <openssl/evp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

char const *PROG = "test";

static struct arena arena = ARENA_ZERO;
static struct caps_names names;

static struct caps_tag
tag_of(char const *text)
{
  struct caps_tag tag;

  assert_true(caps_tag_read(&arena, slice_str(text), &tag));
  return tag;
}

static enum caps_verdict
read_it(char const *inside, char const *tag_text)
{
  static stralloc sa = STRALLOC_ZERO;
  struct caps_digest digest;
  struct caps_tag tag;
  enum xml_error why;
  struct xml_node *x;

  arena_reset(&arena);
  sa.len = 0;
  assert_true(xml_cat(&sa, "<query xmlns='http://jabber.org/protocol/disco#info'>") &&
              xml_cat(&sa, inside) && xml_cat(&sa, "</query>"));
  x = xml_parse(&arena, slice_of(sa.s, sa.len), "jabber:client", &why);
  assert_non_null(x);
  if (!tag_text) return caps_read(&arena, x, NULL, &names);
  tag = tag_of(tag_text);
  assert_true(caps_tag_digest(&tag, &digest));
  return caps_read(&arena, x, &digest, &names);
}

/* The examples of XEP-0115 s5.2 and s5.3. */
#define PC "<identity category='client' type='pc' name='Exodus 0.9.1'/>"
#define INFO "<feature var='http://jabber.org/protocol/disco#info'/>"
#define ITEMS "<feature var='http://jabber.org/protocol/disco#items'/>"
#define MUC "<feature var='http://jabber.org/protocol/muc'/>"
#define CAPS "<feature var='http://jabber.org/protocol/caps'/>"
#define SIMPLE "sha-1,QgayPKawpkPSDYmwT/WM94uAlu0=,http://code.google.com/p/exodus"
#define COMPLEX "sha-1,q07IKJEyjvHSyhy//CH0CxmKi8w=,http://psi-im.org"
#define EN "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
#define EL "<identity xml:lang='el' category='client' name='\xce\xa8 0.11' type='pc'/>"
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define TYPE(value)                                                                      \
  "<field var='FORM_TYPE' type='hidden'><value>" value "</value></field>"
#define FORM(inside) "<x xmlns='jabber:x:data' type='result'>" inside "</x>"
#define SOFTWARE                                                                         \
  FORM(FIELD("software", "Psi") FIELD("os", "Mac") TYPE(                                 \
    "urn:xmpp:dataforms:softwareinfo") "<field "                                         \
                                       "var='ip_version'><value>ipv6</"                  \
                                       "value><value>ipv4</value></field>" FIELD(        \
                                         "os_version", "10.5.1")                         \
                                         FIELD("software_version", "0.11"))

static void
examples(void **state)
{
  (void)state;
  assert_int_equal(read_it(MUC ITEMS INFO CAPS PC, SIMPLE), CAPS_GOOD);
  assert_int_equal(names.n, 0);
  assert_int_equal(read_it(SOFTWARE EN EL CAPS INFO ITEMS MUC, COMPLEX), CAPS_GOOD);
  assert_int_equal(
    read_it(FORM(FIELD("a", "b")) SOFTWARE EN EL CAPS INFO ITEMS MUC, COMPLEX),
    CAPS_GOOD);
  assert_int_equal(read_it(EN EL CAPS INFO ITEMS MUC, COMPLEX), CAPS_BAD);
}

static void
ill_formed(void **state)
{
  static char const *const bad[] = {
    PC PC,
    INFO INFO,
    FORM(TYPE("a")) FORM(TYPE("a")),
    FORM("<field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field>"),
    "<feature var='a&lt;b'/>",
    "<identity category='client' type='pc' name='a&lt;b'/>",
    FORM(TYPE("a") FIELD("b", "c&lt;d")),
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(read_it(bad[i], NULL), CAPS_BAD);
  assert_int_equal(read_it("<feature var='a&amp;lt;b'/>", NULL), CAPS_GOOD);
  assert_int_equal(read_it("", NULL), CAPS_GOOD);
  assert_int_equal(
    read_it(
      "<identity category='client' type='pc'/><identity category='client' type='pc' "
      "xml:lang='en'/>",
      NULL),
    CAPS_GOOD);
}

static void
all_hashes(void **state)
{
  static char const s[] = "client/pc//Exodus 0.9.1<";

  static struct {
    char const *name;
    EVP_MD const *(*md)(void);
  } const known[] = {
    {"sha-1",   EVP_sha1  },
    {"sha-256", EVP_sha256},
    {"sha-512", EVP_sha512}
  };

  unsigned char md[EVP_MAX_MD_SIZE], text[100];
  char tag[200];
  unsigned int n;
  size_t i;

  (void)state;
  for (i = 0; i < 3; i++) {
    assert_true(EVP_Digest(s, sizeof s - 1, md, &n, known[i].md(), NULL));
    EVP_EncodeBlock(text, md, (int)n);
    snprintf(tag, sizeof tag, "%s,%s,n", known[i].name, (char const *)text);
    assert_int_equal(read_it(PC, tag), CAPS_GOOD);
    assert_int_equal(read_it(PC INFO, tag), CAPS_BAD);
  }
}

#define NOTIFY(name) "<feature var='" name "+notify'/>"

static void
wanted(void **state)
{
  static stralloc sa = STRALLOC_ZERO;
  char name[32];
  size_t i;

  (void)state;
  assert_int_equal(read_it(NOTIFY("b") NOTIFY("a") NOTIFY("") NOTIFY("ab") MUC, NULL),
                   CAPS_GOOD);
  assert_int_equal(names.n, 3);
  assert_true(slice_is(names.name[0], "a") && slice_is(names.name[1], "ab") &&
              slice_is(names.name[2], "b"));
  assert_true(caps_has(&names, SLICE("ab")) && !caps_has(&names, SLICE("abc")));
  /* Two answers with one hash say the same. */
  assert_int_equal(read_it(FORM(TYPE("a") FIELD("b+notify", "c")), NULL), CAPS_GOOD);
  assert_int_equal(names.n, 1);
  assert_int_equal(read_it(NOTIFY("b") FORM(TYPE("b+notify")), NULL), CAPS_GOOD);
  assert_int_equal(names.n, 1);
  sa.len = 0;
  for (i = 0; i < CAPS_NAMES_MAX + 9; i++) {
    snprintf(name, sizeof name, "n%zu+notify", i);
    assert_true(xml_cat(&sa, "<feature") && xml_cat_attr(&sa, "var", slice_str(name)) &&
                xml_cat(&sa, "/>"));
  }
  assert_true(stralloc_0(&sa));
  assert_int_equal(read_it(sa.s, NULL), CAPS_GOOD);
  assert_int_equal(names.n, CAPS_NAMES_MAX);
}

static void
tags(void **state)
{
  static char const *const none[] = {"?",           "",        "sha-1", "sha-1,a",
                                     "sha-1,a%2,n", "sha-1,a,"};
  static char const *const wrong[] = {"sha-1,MTIz,n",
                                      "md5,QgayPKawpkPSDYmwT/WM94uAlu0=,n",
                                      "sha-1,QgayPKawpkPSDYmwT/WM94uAlu1=,n",
                                      "sha-1,%20gayPKawpkPSDYmwT/WM94uAlu0=,n", "?"};
  struct caps_digest digest;
  struct caps_tag tag;
  size_t i;

  (void)state;
  tag = tag_of("sha-256,a%2cb,http://x/%25,y");
  assert_true(slice_is(tag.hash, "sha-256") && slice_is(tag.ver, "a,b") &&
              slice_is(tag.node, "http://x/%,y"));
  for (i = 0; i < sizeof none / sizeof *none; i++)
    assert_int_equal(tag_of(none[i]).hash.len, 0);
  for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    tag = tag_of(wrong[i]);
    assert_false(caps_tag_digest(&tag, &digest));
  }
  tag = tag_of(SIMPLE);
  assert_true(caps_tag_digest(&tag, &digest) && digest.algorithm == 1 &&
              digest.len == 20);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(examples),   cmocka_unit_test(ill_formed),
    cmocka_unit_test(all_hashes), cmocka_unit_test(wanted),
    cmocka_unit_test(tags),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
