#include "profile/profile.h"

#define NS_VCARD "vcard-temp"

/* Where the values are that can be searched for: child, and child of that. */
static struct {
  char const *outer, *inner;
} const places[PROFILE_FIELDS_N] = {
  [PROFILE_FULL] = {"FN",       NULL      },
    [PROFILE_GIVEN] = {"N",        "GIVEN"   },
  [PROFILE_MIDDLE] = {"N",        "MIDDLE"  },
    [PROFILE_FAMILY] = {"N",        "FAMILY"  },
  [PROFILE_NICK] = {"NICKNAME", NULL      },
    [PROFILE_BIRTHDAY] = {"BDAY",     NULL      },
  [PROFILE_COUNTRY] = {"ADR",      "CTRY"    },
    [PROFILE_CITY] = {"ADR",      "LOCALITY"},
  [PROFILE_EMAIL] = {"EMAIL",    "USERID"  },
    [PROFILE_ORG] = {"ORG",      "ORGNAME" },
  [PROFILE_UNIT] = {"ORG",      "ORGUNIT" },
};

void
profile_card_read(struct arena *a, struct slice bare, struct xml_node const *vcard,
                  struct profile_card *card)
{
  struct xml_node const *at;
  size_t i;

  card->bare = bare;
  for (i = 0; i < PROFILE_FIELDS_N; i++) {
    at = xml_child(vcard, NS_VCARD, places[i].outer);
    if (at && places[i].inner) at = xml_child(at, NS_VCARD, places[i].inner);
    card->field[i] = at ? xml_text(a, at) : SLICE("");
  }
}
