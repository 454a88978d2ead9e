/* What the test programs share. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "tufverify.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program unless `what` holds. */
#define CHECK(what)                                                             \
  do {                                                                          \
    if (!(what)) {                                                              \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);        \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

/* The same for a call, with what its error says. */
#define EXPECT(status, call)                                                    \
  do {                                                                          \
    tuf_error *err = NULL;                                                      \
    tuf_status got = (call);                                                    \
    if (got != (status)) {                                                      \
      tuf_text m = tuf_error_message(err);                                      \
      fprintf(stderr, "%s:%d: %s is %d: %.*s\n", __FILE__, __LINE__, #call,     \
              (int)got, (int)m.len, m.ptr != NULL ? m.ptr : "");                \
      exit(1);                                                                  \
    }                                                                           \
    CHECK((err != NULL) == ((status) >= TUF_ERR_USAGE));                        \
    CHECK(err == NULL || tuf_error_status(err) == (status));                    \
    tuf_error_free(&err);                                                       \
  } while (0)

/* Text as pointer and length. */
#define S(text) (text), strlen(text)
#define NOTHING NULL, 0

static inline int is(tuf_text text, const char *want) {
  return text.ptr != NULL && text.len == strlen(want) && memcmp(text.ptr, want, text.len) == 0;
}

static inline int has(tuf_text text, const char *part) {
  size_t length = strlen(part);
  for (size_t at = 0; text.ptr != NULL && at + length <= text.len; at++) {
    if (memcmp(text.ptr + at, part, length) == 0) return 1;
  }
  return 0;
}

/* A whole file; NULL if there is none. To be freed. */
static inline uint8_t *slurp(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  CHECK(fseek(file, 0, SEEK_END) == 0);
  long size = ftell(file);
  CHECK(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
  uint8_t *bytes = malloc((size_t)size + 1);
  CHECK(bytes != NULL);
  *length = fread(bytes, 1, (size_t)size, file);
  CHECK(*length == (size_t)size);
  bytes[*length] = 0;
  fclose(file);
  return bytes;
}

/* Answers a request as a server would that has the files of `folder` at `base`: a file by its
 * checksum (NAME.HEX64.json) may lie there under its plain name. */
static inline void answer_from(const tuf_job *job, const tuf_request *request, const char *base, const char *folder) {
  char path[4096];
  size_t skip = strlen(base), length = 0;
  CHECK(request->url.len > skip && memcmp(request->url.ptr, base, skip) == 0);
  int printed = snprintf(path, sizeof path, "%s/%.*s", folder, (int)(request->url.len - skip), request->url.ptr + skip);
  CHECK(printed > 0 && (size_t)printed < sizeof path);
  uint8_t *bytes = slurp(path, &length);
  size_t end = strlen(path);
  if (bytes == NULL && end > 70 && path[end - 70] == '.') {
    memcpy(path + end - 70, ".json", sizeof ".json");
    bytes = slurp(path, &length);
  }
  if (bytes != NULL) {
    EXPECT(TUF_OK, tuf_job_answer(job, request->id, 200, bytes, length, &err));
  } else {
    EXPECT(TUF_OK, tuf_job_answer(job, request->id, 404, NOTHING, &err));
  }
  free(bytes);
}

#endif
