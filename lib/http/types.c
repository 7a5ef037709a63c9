#include "http/http_internal.h"

#include <string.h>

/* Sorted by nothing: a file is asked for seldom against what its bytes cost. */
static struct {
  char const *extension, *type;
} const types[] = {
  {"3gp",   "video/3gpp"                                                               },
  {"7z",    "application/x-7z-compressed"                                              },
  {"aac",   "audio/aac"                                                                },
  {"apk",   "application/vnd.android.package-archive"                                  },
  {"apng",  "image/apng"                                                               },
  {"asc",   "application/pgp-signature"                                                },
  {"avi",   "video/x-msvideo"                                                          },
  {"avif",  "image/avif"                                                               },
  {"bmp",   "image/bmp"                                                                },
  {"bz2",   "application/x-bzip2"                                                      },
  {"css",   "text/css"                                                                 },
  {"csv",   "text/csv"                                                                 },
  {"deb",   "application/vnd.debian.binary-package"                                    },
  {"doc",   "application/msword"                                                       },
  {"docx",  "application/vnd.openxmlformats-officedocument.wordprocessingml.document"  },
  {"epub",  "application/epub+zip"                                                     },
  {"flac",  "audio/flac"                                                               },
  {"gif",   "image/gif"                                                                },
  {"gz",    "application/gzip"                                                         },
  {"heic",  "image/heic"                                                               },
  {"heif",  "image/heif"                                                               },
  {"htm",   "text/html"                                                                },
  {"html",  "text/html"                                                                },
  {"ico",   "image/vnd.microsoft.icon"                                                 },
  {"ics",   "text/calendar"                                                            },
  {"jpeg",  "image/jpeg"                                                               },
  {"jpg",   "image/jpeg"                                                               },
  {"js",    "text/javascript"                                                          },
  {"json",  "application/json"                                                         },
  {"jxl",   "image/jxl"                                                                },
  {"log",   "text/plain"                                                               },
  {"m4a",   "audio/mp4"                                                                },
  {"m4v",   "video/mp4"                                                                },
  {"map",   "application/json"                                                         },
  {"md",    "text/markdown"                                                            },
  {"mid",   "audio/midi"                                                               },
  {"mjs",   "text/javascript"                                                          },
  {"mkv",   "video/x-matroska"                                                         },
  {"mov",   "video/quicktime"                                                          },
  {"mp3",   "audio/mpeg"                                                               },
  {"mp4",   "video/mp4"                                                                },
  {"mpeg",  "video/mpeg"                                                               },
  {"mpg",   "video/mpeg"                                                               },
  {"odp",   "application/vnd.oasis.opendocument.presentation"                          },
  {"ods",   "application/vnd.oasis.opendocument.spreadsheet"                           },
  {"odt",   "application/vnd.oasis.opendocument.text"                                  },
  {"oga",   "audio/ogg"                                                                },
  {"ogg",   "audio/ogg"                                                                },
  {"ogv",   "video/ogg"                                                                },
  {"opus",  "audio/ogg"                                                                },
  {"otf",   "font/otf"                                                                 },
  {"pdf",   "application/pdf"                                                          },
  {"png",   "image/png"                                                                },
  {"ppt",   "application/vnd.ms-powerpoint"                                            },
  {"pptx",  "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
  {"qt",    "video/quicktime"                                                          },
  {"rtf",   "application/rtf"                                                          },
  {"svg",   "image/svg+xml"                                                            },
  {"tar",   "application/x-tar"                                                        },
  {"tgz",   "application/gzip"                                                         },
  {"tif",   "image/tiff"                                                               },
  {"tiff",  "image/tiff"                                                               },
  {"ttf",   "font/ttf"                                                                 },
  {"txt",   "text/plain"                                                               },
  {"vcf",   "text/vcard"                                                               },
  {"wasm",  "application/wasm"                                                         },
  {"wav",   "audio/wav"                                                                },
  {"weba",  "audio/webm"                                                               },
  {"webm",  "video/webm"                                                               },
  {"webp",  "image/webp"                                                               },
  {"wma",   "audio/x-ms-wma"                                                           },
  {"wmv",   "video/x-ms-wmv"                                                           },
  {"woff",  "font/woff"                                                                },
  {"woff2", "font/woff2"                                                               },
  {"xhtml", "application/xhtml+xml"                                                    },
  {"xls",   "application/vnd.ms-excel"                                                 },
  {"xlsx",  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"        },
  {"xml",   "application/xml"                                                          },
  {"xz",    "application/x-xz"                                                         },
  {"zip",   "application/zip"                                                          },
  {"zst",   "application/zstd"                                                         },
};

char const *
http_type(struct slice name)
{
  size_t n = name.len, i;

  while (n && name.s[n - 1] != '.' && name.s[n - 1] != '/')
    n--;
  if (!n || name.s[n - 1] != '.') return NULL;
  for (i = 0; i < sizeof types / sizeof *types; i++)
    if (slice_is_nocase(slice_of(name.s + n, name.len - n), types[i].extension))
      return types[i].type;
  return NULL;
}
