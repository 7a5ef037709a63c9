/* mam: what a query reads as, and the page that it gets. */
#include "../archive/archive_test.h"
#include "mam/mam.h"

static struct arena arena = ARENA_ZERO;
static struct handle_ctx ctx;
static struct mam_query q;

/* Read a query with these fields of a form and these other children. */
static bool
query(char const *fields, char const *others)
{
  static char xml[8192];
  struct xml_node *e;
  enum xml_error why;

  arena_reset(&arena);
  ctx = (struct handle_ctx){.arena = &arena};
  snprintf(xml, sizeof xml,
           "<query xmlns='" MAM_NS "' queryid='q'><x xmlns='jabber:x:data' type='submit'>"
           "%s</x>%s</query>",
           fields, others);
  e = xml_parse(&arena, slice_str(xml), "jabber:client", &why);
  assert_non_null(e);
  return mam_query_read(&ctx, e, &q);
}

#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define SET(inside) "<set xmlns='" MAM_NS_RSM "'>" inside "</set>"

static void
reads(void **state)
{
  (void)state;
  assert_true(query("", ""));
  assert_true(q.max == MAM_PAGE_USUAL && q.end_us == UINT64_MAX && !q.with.full.len);
  assert_true(slice_is(q.queryid, "q") && !q.flip && !q.has_before && !q.has_index);
  assert_true(query(FIELD("FORM_TYPE", MAM_NS) FIELD("with", "A@X/r")
                      FIELD("start", "1970-01-01T00:00:01Z") FIELD("before-id", "9")
                        FIELD("after-id", "4"),
                    SET("<max>1000</max><before/>") "<flip-page/>"));
  assert_true(slice_is(q.with.bare, "a@x") && slice_is(q.with.resource, "r"));
  assert_true(q.start_us == 1000000 && q.before_id == 9 && q.after_id == 4);
  assert_true(q.max == MAM_PAGE_MAX && q.has_before && !q.before && q.flip);
  assert_true(
    query("<field var='ids'><value>7</value><value>3</value><value>7</value></field>",
          SET("<index>2</index><after>5</after>")));
  assert_true(q.ids_n == 2 && q.ids[0] == 3 && q.ids[1] == 7);
  assert_true(q.has_index && q.index == 2 && q.after == 5);
}

static void
refuses(void **state)
{
  static struct {
    char const *fields, *others;
    enum stanza_error e;
  } const cases[] = {
    {FIELD("FORM_TYPE",   "else"),           "",     ERR_BAD_REQUEST},
    {FIELD("with",                   "@"),                         "",         ERR_JID_MALFORMED},
    {FIELD("with",  ""),                   "",      ERR_JID_MALFORMED},
    {FIELD("start",                 "now"),"",ERR_BAD_REQUEST},
    {FIELD("end",""),              "",      ERR_BAD_REQUEST},
    {FIELD("before-id",         "x"),                           "",                  ERR_ITEM_NOT_FOUND},
    {FIELD("after-id",                   "0"),                    "",              ERR_ITEM_NOT_FOUND},
    {FIELD("ids", "x"),                  "",ERR_ITEM_NOT_FOUND},
    {FIELD("withtext",                 "x"),"",ERR_FEATURE_NOT_IMPLEMENTED},
    {"",               SET("<max>x</max>"),             ERR_BAD_REQUEST         },
    {"",    SET("<after>x</after>"), ERR_ITEM_NOT_FOUND        },
  };

  char many[8000] = "<field var='ids'>";
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_false(query(cases[i].fields, cases[i].others));
    assert_int_equal(ctx.error, cases[i].e);
  }
  for (i = 0; i <= MAM_IDS_MAX; i++)
    strcat(many, "<value>1</value>");
  strcat(many, "</field>");
  assert_false(query(many, ""));
  assert_int_equal(ctx.error, ERR_POLICY_VIOLATION);
}

/* The seconds of the ids of a page, each with a blank, and fin behind them. */
static char const *
page(struct mam_page const *p)
{
  static char out[8192];
  stralloc fin = STRALLOC_ZERO;
  uint64_t ids[MAM_PAGE_MAX];
  size_t i, n, at = 0;

  assert_true(mam_page_ids(a, &q, p, ids, &n));
  assert_true(mam_fin_cat(&fin, a, p) && stralloc_0(&fin));
  for (i = 0; i < n; i++)
    at += (size_t)snprintf(out + at, sizeof out - at, "%llu ",
                           (unsigned long long)((ids[i] >> ARCHIVE_ID_SHIFT) / 1000000));
  snprintf(out + at, sizeof out - at, "%s", strstr(fin.s, "complete") ? "all" : "more");
  stralloc_free(&fin);
  return out;
}

static char const *
found(char const *fields, char const *others)
{
  static struct mam_page p;

  assert_true(query(fields, others));
  assert_true(mam_page_find(a, ALICE, &q, &p));
  return page(&p);
}

static void
finds(void **state)
{
  static struct mam_page p;
  unsigned int s;

  (void)state;
  assert_string_equal(found("", ""), "all");
  for (s = 1; s <= 6; s++)
    talk(ID(s, 0));
  one(ID(7, 0), ALICE, "carol@x", true, false);
  assert_string_equal(found("", ""), "1 2 3 4 5 6 7 all");
  assert_string_equal(found(FIELD("with", "bob@x"), SET("<max>2</max>")), "1 2 more");
  assert_string_equal(found(FIELD("with", "bob@x"), SET("<max>2</max><before/>")),
                      "5 6 more");
  assert_string_equal(found("", SET("<max>2</max><before/>") "<flip-page/>"), "7 6 more");
  assert_string_equal(found("", SET("<max>2</max><index>4</index>")), "5 6 more");
  assert_string_equal(found(FIELD("start", "1970-01-01T00:00:03Z")
                              FIELD("end", "1970-01-01T00:00:04Z"),
                            ""),
                      "3 4 all");
  assert_string_equal(found("", SET("<max>0</max>")), "more");
  assert_true(query(FIELD("after-id", "77"), ""));
  assert_false(mam_page_find(a, ALICE, &q, &p));
  assert_int_equal(errno, ENOENT);
}

/* As many are looked at in a step as it may, from either end. */
static void
looks(void **state)
{
  static struct mam_page p;
  struct slice with = SLICE("alice@x/a");
  uint64_t looked;
  unsigned int s;

  (void)state;
  for (s = 1; s <= 6; s++)
    talk(ID(s, 0));
  for (s = 0; s < 2; s++) {
    memset(&p, 0, sizeof p);
    assert_true(query("", s ? SET("<max>4</max><before/>") : SET("<max>4</max>")));
    assert_true(mam_page_look(a, ALICE, &q, mam_match_full, &with, 3, &p, &looked));
    assert_true(looked == 3 && !p.over && p.hits_n == 3);
    assert_true(mam_page_look(a, ALICE, &q, mam_match_full, &with, 3, &p, &looked));
    assert_true(looked == 1 && p.over && !p.complete);
    assert_string_equal(page(&p), s ? "3 4 5 6 more" : "1 2 3 4 more");
  }
  memset(&p, 0, sizeof p);
  with = SLICE("alice@x/b");
  assert_true(query("", ""));
  assert_true(mam_page_look(a, ALICE, &q, mam_match_full, &with, 9, &p, &looked));
  assert_true(looked == 6 && p.over && p.complete && !p.hits_n);
  assert_string_equal(page(&p), "all");
}

static void
single(void **state)
{
  uint64_t ids[MAM_IDS_MAX];
  stralloc sa = STRALLOC_ZERO;

  (void)state;
  talk(3);
  talk(5);
  assert_true(
    query("<field var='ids'><value>5</value><value>3</value></field>", "<flip-page/>"));
  assert_true(mam_ids_are_there(a, ALICE, &q, ids));
  assert_true(ids[0] == 5 && ids[1] == 3);
  assert_true(mam_ids_fin_cat(&sa, &q) && stralloc_0(&sa));
  assert_string_equal(sa.s,
                      "<fin xmlns='" MAM_NS "' complete='true'><set xmlns='" MAM_NS_RSM
                      "'><first>3</first><last>5</last><count>2</count></set></fin>");
  assert_false(mam_ids_are_there(a, 99, &q, ids));
  assert_int_equal(errno, ENOENT);
  sa.len = 0;
  assert_true(mam_metadata_cat(&sa, a, 99) && stralloc_0(&sa));
  assert_string_equal(sa.s, "<metadata xmlns='" MAM_NS "'/>");
  sa.len = 0;
  assert_true(mam_metadata_cat(&sa, a, ALICE) && stralloc_0(&sa));
  assert_string_equal(sa.s,
                      "<metadata xmlns='" MAM_NS
                      "'><start id='3' timestamp='1970-01-01T00:00:00.000000Z'/>"
                      "<end id='5' timestamp='1970-01-01T00:00:00.000000Z'/></metadata>");
  stralloc_free(&sa);
}

static int
end(void **state)
{
  arena_wipe(&arena);
  return group_end(state);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(reads),
    cmocka_unit_test(refuses),
    cmocka_unit_test_setup_teardown(finds, start, finish),
    cmocka_unit_test_setup_teardown(looks, start, finish),
    cmocka_unit_test_setup_teardown(single, start, finish),
  };
  return cmocka_run_group_tests(tests, group_start, end);
}
