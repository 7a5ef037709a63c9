#include "http/http_internal.h"

#include <stdio.h>

static struct {
  unsigned int status;
  char const *reason;
} const reasons[] = {
  {100, "Continue"                       },
  {101, "Switching Protocols"            },
  {200, "OK"                             },
  {201, "Created"                        },
  {202, "Accepted"                       },
  {204, "No Content"                     },
  {206, "Partial Content"                },
  {301, "Moved Permanently"              },
  {302, "Found"                          },
  {303, "See Other"                      },
  {304, "Not Modified"                   },
  {307, "Temporary Redirect"             },
  {308, "Permanent Redirect"             },
  {400, "Bad Request"                    },
  {401, "Unauthorized"                   },
  {403, "Forbidden"                      },
  {404, "Not Found"                      },
  {405, "Method Not Allowed"             },
  {406, "Not Acceptable"                 },
  {408, "Request Timeout"                },
  {409, "Conflict"                       },
  {410, "Gone"                           },
  {411, "Length Required"                },
  {412, "Precondition Failed"            },
  {413, "Content Too Large"              },
  {414, "URI Too Long"                   },
  {415, "Unsupported Media Type"         },
  {416, "Range Not Satisfiable"          },
  {417, "Expectation Failed"             },
  {422, "Unprocessable Content"          },
  {426, "Upgrade Required"               },
  {429, "Too Many Requests"              },
  {431, "Request Header Fields Too Large"},
  {500, "Internal Server Error"          },
  {501, "Not Implemented"                },
  {502, "Bad Gateway"                    },
  {503, "Service Unavailable"            },
  {504, "Gateway Timeout"                },
  {505, "HTTP Version Not Supported"     },
  {507, "Insufficient Storage"           },
};

char const *
http_reason(unsigned int status)
{
  size_t i;

  for (i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (reasons[i].status == status) return reasons[i].reason;
  return "";
}

bool
http_has_no_body(enum http_method m, unsigned int status)
{
  return m == HTTP_HEAD || status < 200 || status == 204 || status == 304;
}

bool
http_cat_status(stralloc *out, unsigned int status)
{
  char buf[BASE_NUM];
  struct slice n = num_u64(buf, status);

  return stralloc_cats(out, "HTTP/1.1 ") && stralloc_catb(out, n.s, n.len) &&
         stralloc_cats(out, " ") && stralloc_cats(out, http_reason(status)) &&
         stralloc_cats(out, "\r\n");
}

bool
http_cat_field(stralloc *out, struct slice name, struct slice value)
{
  return stralloc_catb(out, name.s, name.len) && stralloc_cats(out, ": ") &&
         stralloc_catb(out, value.s, value.len) && stralloc_cats(out, "\r\n");
}

bool
http_cat_date(stralloc *out, uint64_t second)
{
  char buf[HTTP_DATE_SIZE];

  return http_cat_field(out, SLICE("Date"), http_date(buf, second));
}

bool
http_cat_chunk(stralloc *out, struct slice bytes)
{
  char size[24];

  if (!bytes.len) return true; /* would be the last chunk */
  snprintf(size, sizeof size, "%zx\r\n", bytes.len);
  return stralloc_cats(out, size) && stralloc_catb(out, bytes.s, bytes.len) &&
         stralloc_cats(out, "\r\n");
}

bool
http_cat_last_chunk(stralloc *out)
{
  return stralloc_cats(out, "0\r\n\r\n");
}
