#include "convert/convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

char const *PROG = "test";

static struct arena arena = ARENA_ZERO;

#define ID "111f4b3c50d7b0df729d299bc6f8e9ef9066971f"
#define OTHER "e279f80c38f99c1e7e53e262b440993b2f7eea57"
#define BYTES(text)                                                                      \
  {                                                                                      \
    text, sizeof(text) - 1                                                               \
  }
#define METADATA(inside)                                                                 \
  "<metadata xmlns='urn:xmpp:avatar:metadata'>" inside "</metadata>"

static bool
read_it(char const *xml, struct avatar_info *info)
{
  enum xml_error why;
  struct xml_node const *e = xml_parse(&arena, slice_str(xml), "jabber:client", &why);

  assert_non_null(e);
  return avatar_read(e, info);
}

static void
metadata(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  struct avatar_info info;

  (void)state;
  assert_true(
    read_it(METADATA("<info id='" OTHER "' type='image/gif' bytes='1'/>"
                     "<info id='" ID "' type='image/png' bytes='2' url='http://x/'/>"
                     "<info id='" ID "' type='image/png' bytes='12' width='64' "
                     "height='x'/>"),
            &info));
  assert_true(slice_is(info.id, ID) && slice_is(info.type, "image/png"));
  assert_true(info.bytes == 12 && info.width == 64 && !info.height);
  assert_true(avatar_cat_metadata(&sa, &info) && stralloc_0(&sa));
  assert_string_equal(
    sa.s, METADATA("<info bytes='12' id='" ID "' type='image/png' width='64'/>"));
  assert_true(
    read_it(METADATA("<info id='" OTHER "' type='image/gif' bytes='1'/>"), &info));
  assert_true(slice_is(info.id, OTHER));
  assert_false(read_it(METADATA(""), &info));
  assert_false(read_it(METADATA("<info id='../x' type='image/png'/>"), &info));
  assert_false(read_it(METADATA("<info type='image/png'/>"), &info));
  sa.len = 0;
  assert_true(avatar_cat_metadata(&sa, NULL) && stralloc_0(&sa));
  assert_string_equal(sa.s, METADATA(""));
  stralloc_free(&sa);
}

static void
base64(void **state)
{
  static char const *const bad[] = {"a", "ab=c", "a===", "a*aa", "abcde="};
  char bytes[65536], text[90000];
  stralloc sa = STRALLOC_ZERO;
  size_t len, i;

  (void)state;
  assert_true(avatar_decode(SLICE(" YW\nJj ZA=\t= "), bytes, &len));
  assert_true(len == 4 && !memcmp(bytes, "abcd", 4));
  for (i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(avatar_decode(slice_str(bad[i]), bytes, &len));
  for (i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)(i * 7 + i / 256);
  assert_true(avatar_encode(&sa, slice_of(bytes, sizeof bytes)));
  assert_int_equal(sa.len, (sizeof bytes + 2) / 3 * 4);
  assert_true(avatar_decode(slice_of(sa.s, sa.len), text, &len));
  assert_true(len == sizeof bytes && !memcmp(text, bytes, len));
  avatar_id(SLICE("abc"), text);
  assert_memory_equal(text, "a9993e364706816aba3e25717850c26c9cd0d89d", AVATAR_ID);
  stralloc_free(&sa);
}

static void
pictures(void **state)
{
  static struct {
    struct slice bytes;
    char const *type;
    unsigned int width, height;
  } const known[] = {
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\2\0\0\0\3\b"),    "image/png",  258, 3},
    {BYTES("\x89PNG\r\n\x1a\n\0\0"),                              "image/png",  0,   0},
    {BYTES("GIF89a\2\1\3\0"),                                     "image/gif",  258, 3},
    {BYTES("\xff\xd8\xff\xe0\0\4ab\xff\xff\xc2\0\x11\b\0\3\1\2"), "image/jpeg", 258, 3},
    {BYTES("\xff\xd8\xff\xe0\0\0"),                               "image/jpeg", 0,   0},
    {BYTES("RIFF\0\0\0\0WEBPVP8 "),                               "image/webp", 0,   0},
  };

  struct avatar_info info;
  size_t i, n;

  (void)state;
  for (i = 0; i < sizeof known / sizeof *known; i++) {
    memset(&info, 0, sizeof info);
    assert_true(avatar_measure(known[i].bytes, &info));
    assert_true(slice_is(info.type, known[i].type));
    assert_int_equal(info.width, known[i].width);
    assert_int_equal(info.height, known[i].height);
    for (n = 0; n < known[i].bytes.len;
         n++) { /* the sanitizer sees reads behind the end */
      char *copy = malloc(n + 1);
      assert_non_null(copy);
      memcpy(copy, known[i].bytes.s, n);
      avatar_measure(slice_of(copy, n), &info);
      free(copy);
    }
  }
  assert_false(avatar_measure(SLICE("<svg/>"), &info));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(metadata),
    cmocka_unit_test(base64),
    cmocka_unit_test(pictures),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
