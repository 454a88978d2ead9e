/* Asks what a script says, and writes each answer: `runner SCRIPT OUT SCRATCH`.
 *
 * A line of the script is a word and its fields, divided by tabs; in a field %XX is a byte. An answer
 * is a line with a number and a length, then so many bytes and a newline. tests/script/mod.rs writes
 * scripts; any language can run them. */
#include "support.h"

static FILE *out;

static void answer(long number, tuf_text text) {
  fprintf(out, "%ld %lu\n", number, (unsigned long)text.len);
  CHECK(fwrite(text.ptr == NULL ? "" : text.ptr, 1, text.len, out) == text.len);
  fputc('\n', out);
}

/* The text of an error in place of an answer. */
static void failed(tuf_error *err) {
  answer(tuf_error_status(err), tuf_error_json(err));
  tuf_error_free(&err);
}

struct field {
  char *ptr;
  size_t len;
};

#define FIELDS 4

/* Divides a line, and replaces each %XX. */
static void divide(char *line, struct field fields[FIELDS]) {
  int n = 0;
  char *to = line;
  memset(fields, 0, FIELDS * sizeof *fields);
  fields[0].ptr = to;
  for (char *from = line; *from != 0; from++) {
    if (*from == '\t') {
      CHECK(n + 1 < FIELDS);
      *to++ = 0;
      fields[++n].ptr = to;
      continue;
    }
    if (*from == '%') {
      char hex[3] = {from[1], from[2], 0};
      *to++ = (char)strtol(hex, NULL, 16);
      from += 2;
    } else {
      *to++ = *from;
    }
    fields[n].len++;
  }
  *to = 0;
}

static void ask(const tuf_client *client, const struct field *f, const char *base, const char *folder, tuf_verdict **last) {
  tuf_error *err = NULL;
  tuf_job *job = NULL;
  tuf_request request;
  uint32_t kind = (uint32_t)strtoul(f[1].ptr, NULL, 10);
  tuf_verdict_free(last);
  if (tuf_job_new(client, kind, f[2].ptr, f[2].len, f[3].ptr, f[3].len, &job, &err) != TUF_OK) {
    failed(err);
    return;
  }
  tuf_status status;
  while ((status = tuf_job_next(job, &request, &err)) == TUF_OK) {
    answer_from(job, &request, base, folder);
  }
  CHECK(status == TUF_DONE);
  if (tuf_job_verdict(job, last, &err) == TUF_OK) {
    answer(0, tuf_verdict_json(*last));
  } else {
    failed(err);
  }
  tuf_job_free(&job);
}

int main(int argc, char **argv) {
  size_t length;
  CHECK(argc == 4);
  char *script = (char *)slurp(argv[1], &length);
  out = fopen(argv[2], "wb");
  CHECK(script != NULL && out != NULL);
  tuf_client *client = NULL;
  tuf_verdict *last = NULL;
  char base[1024] = "", folder[1024] = "";
  for (char *line = script, *end; *line != 0; line = end + 1) {
    struct field f[FIELDS];
    tuf_error *err = NULL;
    end = strchr(line, '\n');
    CHECK(end != NULL);
    *end = 0;
    divide(line, f);
    if (strcmp(f[0].ptr, "client") == 0) {
      tuf_client_free(&client);
      if (tuf_client_from_text(f[1].ptr, f[1].len, f[2].ptr, f[2].len, &client, &err) != TUF_OK) failed(err);
    } else if (strcmp(f[0].ptr, "cache") == 0) {
      char cache[4096];
      int printed = snprintf(cache, sizeof cache, "%s/%s", argv[3], f[1].ptr);
      CHECK(printed > 0 && (size_t)printed < sizeof cache);
      EXPECT(TUF_OK, tuf_client_set_cache(client, S(cache), &err));
    } else if (strcmp(f[0].ptr, "time") == 0) {
      EXPECT(TUF_OK, tuf_client_set_time(client, f[1].ptr, f[1].len, &err));
    } else if (strcmp(f[0].ptr, "serve") == 0) {
      uint8_t *file = slurp(f[3].ptr, &length);
      CHECK(file != NULL);
      EXPECT(TUF_OK, tuf_client_serve(client, f[1].ptr, f[1].len, f[2].ptr, f[2].len, file, length, &err));
      free(file);
    } else if (strcmp(f[0].ptr, "take") == 0) {
      EXPECT(TUF_OK, tuf_client_serve(client, f[1].ptr, f[1].len, f[2].ptr, f[2].len, NOTHING, &err));
    } else if (strcmp(f[0].ptr, "host") == 0) {
      CHECK(f[1].len < sizeof base && f[2].len < sizeof folder);
      memcpy(base, f[1].ptr, f[1].len + 1);
      memcpy(folder, f[2].ptr, f[2].len + 1);
    } else if (strcmp(f[0].ptr, "ask") == 0) {
      ask(client, f, base, folder, &last);
    } else if (strcmp(f[0].ptr, "verify") == 0) {
      tuf_text nothing = {NULL, 0};
      answer(tuf_verdict_verify_file(last, f[1].ptr, f[1].len, NULL), nothing);
    } else if (strcmp(f[0].ptr, "pattern") == 0) {
      bool matches;
      tuf_text nothing = {NULL, 0};
      EXPECT(TUF_OK, tuf_pattern_matches(f[1].ptr, f[1].len, f[2].ptr, f[2].len, &matches, &err));
      answer(matches, nothing);
    } else {
      CHECK(!"a line that is not known");
    }
  }
  tuf_verdict_free(&last);
  tuf_client_free(&client);
  free(script);
  return fclose(out) == 0 ? 0 : 1;
}
