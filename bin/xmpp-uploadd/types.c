#include "uploadd.h"

#include <string.h>
#include <strings.h>

/* Types of files by the extension of their names, in the order of the alphabet. */

static struct {
  char const *extension, *type;
} const types[] = {
  {"3gp",  "video/3gpp"                                                               },
  {"7z",   "application/x-7z-compressed"                                              },
  {"aac",  "audio/aac"                                                                },
  {"apk",  "application/vnd.android.package-archive"                                  },
  {"apng", "image/apng"                                                               },
  {"asc",  "application/pgp-signature"                                                },
  {"avi",  "video/x-msvideo"                                                          },
  {"avif", "image/avif"                                                               },
  {"bmp",  "image/bmp"                                                                },
  {"bz2",  "application/x-bzip2"                                                      },
  {"csv",  "text/csv"                                                                 },
  {"deb",  "application/vnd.debian.binary-package"                                    },
  {"doc",  "application/msword"                                                       },
  {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"  },
  {"epub", "application/epub+zip"                                                     },
  {"flac", "audio/flac"                                                               },
  {"gif",  "image/gif"                                                                },
  {"gpx",  "application/octet-stream"                                                 },
  {"gz",   "application/gzip"                                                         },
  {"heic", "image/heic"                                                               },
  {"heif", "image/heif"                                                               },
  {"ics",  "text/calendar"                                                            },
  {"jpeg", "image/jpeg"                                                               },
  {"jpg",  "image/jpeg"                                                               },
  {"json", "application/json"                                                         },
  {"jxl",  "image/jxl"                                                                },
  {"log",  "text/plain"                                                               },
  {"m4a",  "audio/mp4"                                                                },
  {"m4v",  "video/mp4"                                                                },
  {"md",   "text/markdown"                                                            },
  {"mid",  "audio/midi"                                                               },
  {"mkv",  "video/x-matroska"                                                         },
  {"mov",  "video/quicktime"                                                          },
  {"mp3",  "audio/mpeg"                                                               },
  {"mp4",  "video/mp4"                                                                },
  {"mpeg", "video/mpeg"                                                               },
  {"mpg",  "video/mpeg"                                                               },
  {"odp",  "application/vnd.oasis.opendocument.presentation"                          },
  {"ods",  "application/vnd.oasis.opendocument.spreadsheet"                           },
  {"odt",  "application/vnd.oasis.opendocument.text"                                  },
  {"oga",  "audio/ogg"                                                                },
  {"ogg",  "audio/ogg"                                                                },
  {"ogv",  "video/ogg"                                                                },
  {"opus", "audio/opus"                                                               },
  {"pdf",  "application/pdf"                                                          },
  {"png",  "image/png"                                                                },
  {"ppt",  "application/vnd.ms-powerpoint"                                            },
  {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
  {"qt",   "video/quicktime"                                                          },
  {"rtf",  "application/rtf"                                                          },
  {"tar",  "application/x-tar"                                                        },
  {"tgz",  "application/gzip"                                                         },
  {"tif",  "image/tiff"                                                               },
  {"tiff", "image/tiff"                                                               },
  {"txt",  "text/plain"                                                               },
  {"vcf",  "text/vcard"                                                               },
  {"wav",  "audio/wav"                                                                },
  {"weba", "audio/webm"                                                               },
  {"webm", "video/webm"                                                               },
  {"webp", "image/webp"                                                               },
  {"wma",  "audio/x-ms-wma"                                                           },
  {"wmv",  "video/x-ms-wmv"                                                           },
  {"xls",  "application/vnd.ms-excel"                                                 },
  {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"        },
  {"xz",   "application/x-xz"                                                         },
  {"zip",  "application/zip"                                                          },
  {"zst",  "application/zstd"                                                         },
};

/* Of the option content_types; a dot in front of the extension is usual. */
static char const *
own_type(struct vhost const *v, struct slice extension)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(uploadd.settings, "mod_http_upload.content_types", row))) {
    struct slice name = row->value[0];
    if (name.len && name.s[0] == '.') name = slice_of(name.s + 1, name.len - 1);
    if (slice_eq(row->scope, v->host) && slice_is_nocase(extension, name.s))
      return row->value[1].s;
  }
  return NULL;
}

char const *
type_of(struct vhost const *v, struct slice extension)
{
  char const *own = own_type(v, extension);
  size_t i;

  if (own || !extension.len) return own;
  for (i = 0; i < sizeof types / sizeof *types; i++)
    if (slice_is_nocase(extension, types[i].extension)) return types[i].type;
  return NULL;
}
