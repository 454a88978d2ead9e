/* Every function, used rightly and wrongly: `every_function NOTARY_SAMPLE TUF_SAMPLE EMPTY_FOLDER`. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GUN "registry.example/library/hello"
#define REPOSITORY "tuf.example/repo"
#define NOW "2030-01-01T00:00:00Z"
#define HELLO "Hello from a signed file.\n"
#define BASE "https://trust.example/v2/" GUN "/_trust/tuf/"

static const char *notary, *tuf, *empty;

/* What an error says; it is freed. */
static void expect_error(tuf_error *err, const char *code, const char *message, const char *hint, const char *file) {
  CHECK(is(tuf_error_code(err), code) && has(tuf_error_message(err), message));
  CHECK(hint == NULL ? tuf_error_hint(err).ptr == NULL : has(tuf_error_hint(err), hint));
  CHECK(file == NULL ? tuf_error_file(err).ptr == NULL : is(tuf_error_file(err), file));
  tuf_error_free(&err);
}

/* A client of both samples; `more` goes below the server of the TUF 1.0 repository. */
static tuf_client *a_client(const char *url, const char *more) {
  static const char text[] =
      "[server.\"registry.example/\"]\nurl = \"https://trust.example\"\n"
      "[trust.\"registry.example/\"]\ntofu = true\n"
      "[server.\"" REPOSITORY "\"]\nformat = \"tuf1\"\nurl = \"%s\"\n%s\n"
      "[trust.\"" REPOSITORY "\"]\nroot = \"metadata/1.root.json\"\n";
  char config[2048];
  tuf_client *client = NULL;
  snprintf(config, sizeof config, text, url, more);
  EXPECT(TUF_OK, tuf_client_from_text(S(config), S(tuf), &client, &err));
  EXPECT(TUF_OK, tuf_client_set_time(client, S(NOW), &err));
  return client;
}

static void versions(void) {
  CHECK(tuf_abi_version() == TUF_ABI_VERSION);
  CHECK(strchr(tuf_version(), '.') != NULL);
}

static void patterns(void) {
  bool matches = false;
  EXPECT(TUF_OK, tuf_pattern_matches(S("a/*.tar"), S("a/b.tar"), &matches, &err));
  CHECK(matches);
  EXPECT(TUF_OK, tuf_pattern_matches(S("a/*.tar"), S("a/b/c.tar"), &matches, &err));
  CHECK(!matches);
  EXPECT(TUF_OK, tuf_pattern_matches(NOTHING, NOTHING, &matches, &err));
  CHECK(matches);
  EXPECT(TUF_ERR_NULL, tuf_pattern_matches(NULL, 1, S("a"), &matches, &err));
  EXPECT(TUF_ERR_NULL, tuf_pattern_matches(S("a"), S("a"), NULL, &err));
  EXPECT(TUF_ERR_UTF8, tuf_pattern_matches(S("\xff"), S("a"), &matches, &err));
  EXPECT(TUF_ERR_UTF8, tuf_pattern_matches(S("a"), S("\xc3"), &matches, &err));
  EXPECT(TUF_ERR_LENGTH, tuf_pattern_matches("a", SIZE_MAX, S("a"), &matches, &err));
}

static void errors(void) {
  tuf_client *client = NULL;
  tuf_error *err = NULL;
  const char *text = "[server.\"a.example/\"]\nurll = \"https://a.example\"\n";
  CHECK(tuf_client_from_text(S(text), NOTHING, &client, &err) == TUF_ERR_CONFIG);
  CHECK(client == NULL && err != NULL);
  CHECK(tuf_error_status(err) == TUF_ERR_CONFIG);
  CHECK(is(tuf_error_code(err), "config.unknown-key"));
  CHECK(has(tuf_error_message(err), "urll"));
  CHECK(has(tuf_error_hint(err), "did you mean `url`?"));
  CHECK(is(tuf_error_file(err), "configuration text"));
  CHECK(is(tuf_error_rule(err), "docs/verdict.md"));
  CHECK(has(tuf_error_expected(err), "url"));
  CHECK(is(tuf_error_found(err), "urll"));
  CHECK(tuf_error_role(err).ptr == NULL);
  CHECK(has(tuf_error_json(err), "\"error/1\"") && has(tuf_error_json(err), "config.unknown-key"));
  tuf_error *copy = err;
  tuf_error_free(&err);
  CHECK(err == NULL && copy != NULL);
  tuf_error_free(&err);
  tuf_error_free(NULL);
  /* Without a place for the error there is the status alone. */
  CHECK(tuf_client_from_text(S(text), NOTHING, &client, NULL) == TUF_ERR_CONFIG);
  /* No error is no text. */
  CHECK(tuf_error_code(NULL).ptr == NULL && tuf_error_status(NULL) == TUF_ERR_HANDLE);
  CHECK(tuf_error_message(NULL).ptr == NULL && tuf_error_json(NULL).ptr == NULL);
  EXPECT(TUF_ERR_USAGE, tuf_client_from_file(S("/no/such/file.toml"), &client, &err));
  EXPECT(TUF_ERR_NULL, tuf_client_from_file(S("/no/such/file.toml"), NULL, &err));
  EXPECT(TUF_ERR_UTF8, tuf_client_from_text(S("\xc3\x28"), NOTHING, &client, &err));
}

/* A job that must not wait for anybody: its verdict. */
static tuf_verdict *at_once(const tuf_client *client, uint32_t kind, const char *name, const char *path) {
  tuf_job *job = NULL;
  tuf_request request;
  tuf_verdict *verdict = NULL;
  EXPECT(TUF_OK, tuf_job_new(client, kind, S(name), S(path), &job, &err));
  EXPECT(TUF_DONE, tuf_job_next(job, &request, &err));
  EXPECT(TUF_OK, tuf_job_verdict(job, &verdict, &err));
  tuf_job_free(&job);
  return verdict;
}

static void expect_code(tuf_verdict *verdict, uint32_t word, const char *code) {
  CHECK(tuf_verdict_word(verdict) == word);
  CHECK(tuf_verdict_exit_status(verdict) == (word == TUF_REFUSED ? 1U : 3U));
  CHECK(is(tuf_verdict_code(verdict), code) && tuf_verdict_message(verdict).len > 0);
  CHECK(tuf_verdict_digest(verdict).ptr == NULL && tuf_verdict_url(verdict).ptr == NULL);
  tuf_verdict_free(&verdict);
}

/* Files in memory: trusted as they are, refused without the timestamp. */
static void from_memory(void) {
  static const char *const files[] = {"root.json",     "1.root.json",  "timestamp.json",
                                      "snapshot.json", "targets.json", "targets/releases.json"};
  tuf_client *client = a_client("file:metadata", "");
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[4096];
    size_t length;
    snprintf(path, sizeof path, "%s/%s", notary, files[i]);
    uint8_t *file = slurp(path, &length);
    CHECK(file != NULL);
    EXPECT(TUF_OK, tuf_client_serve(client, S(GUN), S(files[i]), file, length, &err));
    free(file);
  }
  tuf_verdict *verdict = at_once(client, TUF_IMAGE, GUN ":1.0", "");
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED && tuf_verdict_exit_status(verdict) == 0);
  CHECK(has(tuf_verdict_json(verdict), "\"verdict\": \"trusted\"") && has(tuf_verdict_json(verdict), "\"memory:\""));
  CHECK(has(tuf_verdict_tree(verdict), "targets/releases version 1"));
  CHECK(has(tuf_verdict_pinned(verdict), GUN "@sha256:"));
  CHECK(tuf_verdict_digest(verdict).len == strlen("sha256:") + 64);
  CHECK(is(tuf_verdict_role(verdict), "targets/releases") && is(tuf_verdict_path(verdict), "1.0"));
  CHECK(tuf_verdict_code(verdict).ptr == NULL && tuf_verdict_message(verdict).ptr == NULL);
  CHECK(tuf_verdict_url(verdict).ptr == NULL && tuf_verdict_file(verdict).ptr == NULL);

  /* By its digest, in a collection that is named, whatever the image is called. */
  char by_digest[256];
  tuf_text digest = tuf_verdict_digest(verdict);
  snprintf(by_digest, sizeof by_digest, "mirror.example/copy@%.*s", (int)digest.len, digest.ptr);
  EXPECT(TUF_OK, tuf_client_set_collection(client, S(GUN), &err));
  tuf_verdict *copy = at_once(client, TUF_IMAGE, by_digest, "");
  CHECK(tuf_verdict_word(copy) == TUF_TRUSTED);
  tuf_verdict_free(&copy);
  EXPECT(TUF_OK, tuf_client_set_collection(client, NOTHING, &err));
  tuf_verdict_free(&verdict);

  verdict = at_once(client, TUF_IMAGE_LIST, GUN, "");
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED && has(tuf_verdict_json(verdict), "\"tag\": \"latest\""));
  CHECK(tuf_verdict_digest(verdict).ptr == NULL && tuf_verdict_path(verdict).ptr == NULL);
  tuf_check *check = NULL;
  uint64_t length = 1;
  EXPECT(TUF_ERR_NOTHING, tuf_verdict_check(verdict, &check, &err));
  EXPECT(TUF_ERR_NOTHING, tuf_verdict_length(verdict, &length, &err));
  tuf_request request = {.max_bytes = 1};
  EXPECT(TUF_ERR_NOTHING, tuf_verdict_request(verdict, &request, &err));
  CHECK(request.max_bytes == 0);
  EXPECT(TUF_ERR_NOTHING, tuf_verdict_verify_bytes(verdict, NOTHING, &err));
  CHECK(check == NULL && length == 0);
  tuf_verdict_free(&verdict);

  expect_code(at_once(client, TUF_IMAGE, GUN ":9", ""), TUF_REFUSED, "target.not-signed");
  EXPECT(TUF_OK, tuf_client_serve(client, S(GUN), S("timestamp.json"), NOTHING, &err));
  expect_code(at_once(client, TUF_IMAGE, GUN ":1.0", ""), TUF_REFUSED, "missing.timestamp");
  tuf_client_free(&client);
}

/* The host drives the job; all that it can do wrong is an error, and the job goes on. */
static void driven_by_the_host(void) {
  tuf_client *client = a_client("file:metadata", "");
  tuf_job *job = NULL;
  tuf_request request, asked[64];
  tuf_verdict *verdict = NULL;
  size_t n = 0, most = 0;
  EXPECT(TUF_OK, tuf_job_new(client, TUF_IMAGE, S(GUN ":1.0"), NOTHING, &job, &err));
  tuf_client_free(&client); /* the job lives on */
  EXPECT(TUF_PENDING, tuf_job_verdict(job, &verdict, &err));
  CHECK(verdict == NULL);
  EXPECT(TUF_ERR_NULL, tuf_job_next(job, NULL, &err));
  EXPECT(TUF_ERR_REQUEST, tuf_job_answer(job, 4711, 200, NOTHING, &err));
  for (tuf_status status; (status = tuf_job_next(job, &request, NULL)) != TUF_DONE;) {
    if (status == TUF_OK) {
      CHECK(request.max_bytes > 0 && request.url.len > strlen(BASE));
      CHECK(request.absent == TUF_ABSENT_IS_ERROR || request.absent == TUF_ABSENT_ENDS_CHAIN);
      CHECK(n < 64);
      asked[n++] = request;
      continue;
    }
    CHECK(status == TUF_PENDING && n > 0);
    most = n > most ? n : most;
    /* The last that was asked for is answered first. */
    request = asked[--n];
    EXPECT(TUF_ERR_USAGE, tuf_job_answer(job, request.id, 7, NOTHING, &err));
    EXPECT(TUF_ERR_USAGE, tuf_job_answer(job, request.id, 100000, NOTHING, &err));
    EXPECT(TUF_ERR_NULL, tuf_job_answer(job, request.id, 200, NULL, 5, &err));
    EXPECT(TUF_ERR_LENGTH, tuf_job_answer(job, request.id, 200, (const uint8_t *)"x", SIZE_MAX, &err));
    EXPECT(TUF_ERR_USAGE, tuf_job_fail(job, request.id, 99, S("?"), &err));
    EXPECT(TUF_ERR_UTF8, tuf_job_fail(job, request.id, TUF_FAILED_TLS, S("\xff"), &err));
    answer_from(job, &request, BASE, notary);
    EXPECT(TUF_ERR_REQUEST, tuf_job_answer(job, request.id, 200, NOTHING, &err));
    EXPECT(TUF_ERR_REQUEST, tuf_job_fail(job, request.id, TUF_FAILED_TLS, NOTHING, &err));
  }
  CHECK(most >= 1);
  EXPECT(TUF_DONE, tuf_job_next(job, &request, &err));
  EXPECT(TUF_ERR_CLOSED, tuf_job_answer(job, request.id, 200, NOTHING, &err));
  EXPECT(TUF_OK, tuf_job_verdict(job, &verdict, &err));
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED);
  tuf_verdict_free(&verdict);
  EXPECT(TUF_OK, tuf_job_verdict(job, &verdict, &err));
  tuf_job_free(&job); /* the verdict lives on */
  CHECK(has(tuf_verdict_json(verdict), "https://trust.example"));
  EXPECT(TUF_ERR_NULL, tuf_job_verdict(job, NULL, &err));
  tuf_verdict_free(&verdict);
}

/* How long a job may take: as the client says, else the configuration, else the default. */
static void time_limits(void) {
  const char *const configured[] = {"", "[limits]\ntime = \"90s\""};
  const uint64_t limits[] = {300000, 90000};
  for (size_t i = 0; i < 2; i++) {
    tuf_client *client = a_client("file:metadata", configured[i]);
    const uint64_t set[] = {0, 1500, 0};
    const uint64_t want[] = {limits[i], 1500, limits[i]};
    for (size_t j = 0; j < 3; j++) {
      tuf_job *job = NULL;
      uint64_t limit = 0;
      EXPECT(TUF_OK, tuf_client_set_time_limit(client, set[j], &err));
      EXPECT(TUF_OK, tuf_job_new(client, TUF_REFRESH, S(REPOSITORY), NOTHING, &job, &err));
      EXPECT(TUF_OK, tuf_job_time_limit(job, &limit, &err));
      CHECK(limit == want[j]);
      EXPECT(TUF_ERR_NULL, tuf_job_time_limit(job, NULL, &err));
      tuf_job_free(&job);
    }
    tuf_client_free(&client);
  }
}

/* What each failure of a host is, as the verdict's code. */
static void failures(void) {
  static const struct {
    uint32_t status, why;
    const char *code;
  } table[] = {
      {0, TUF_FAILED_UNREACHABLE, "network.unreachable"},
      {0, TUF_FAILED_TLS, "network.tls"},
      {0, TUF_FAILED_TIME_LIMIT, "network.time-limit"},
      {0, TUF_FAILED_CUT_OFF, "network.cut-off"},
      {0, TUF_FAILED_REDIRECT, "network.redirect"},
      {0, TUF_FAILED_CANCELLED, "cancelled"},
      {0, TUF_FAILED_CODING, "network.coding"},
      {401, 0, "auth.required"},
      {403, 0, "auth.denied"},
      {429, 0, "network.rate-limited"},
      {500, 0, "network.status"},
      {204, 0, "network.status"},
      {302, 0, "network.redirect"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    tuf_client *client = a_client("file:metadata", "");
    tuf_job *job = NULL;
    tuf_request request;
    tuf_verdict *verdict = NULL;
    EXPECT(TUF_OK, tuf_job_new(client, TUF_IMAGE_LIST, S(GUN), NOTHING, &job, &err));
    tuf_status status;
    while ((status = tuf_job_next(job, &request, NULL)) == TUF_OK) {
      if (table[i].status != 0) {
        EXPECT(TUF_OK, tuf_job_answer(job, request.id, table[i].status, (const uint8_t *)"why", 3, &err));
      } else {
        EXPECT(TUF_OK, tuf_job_fail(job, request.id, table[i].why, S("as the host says"), &err));
      }
    }
    CHECK(status == TUF_DONE);
    EXPECT(TUF_OK, tuf_job_verdict(job, &verdict, &err));
    if (table[i].why != 0) CHECK(has(tuf_verdict_message(verdict), "as the host says"));
    expect_code(verdict, TUF_UNCHECKED, table[i].code);
    tuf_job_free(&job);
    tuf_client_free(&client);
  }
}

/* A job that nobody answers, and one that nobody drives, are freed without a trace. */
static void never_answered(void) {
  tuf_client *client = a_client("file:metadata", "");
  tuf_job *job = NULL;
  tuf_request request;
  EXPECT(TUF_OK, tuf_job_new(client, TUF_IMAGE_LIST, S(GUN), NOTHING, &job, &err));
  tuf_job_free(&job);
  EXPECT(TUF_OK, tuf_job_new(client, TUF_IMAGE_LIST, S(GUN), NOTHING, &job, &err));
  EXPECT(TUF_OK, tuf_job_next(job, &request, &err));
  while (tuf_job_next(job, &request, NULL) == TUF_OK) {}
  EXPECT(TUF_PENDING, tuf_job_next(job, &request, &err));
  tuf_job_free(&job);
  /* Questions that make no sense. */
  EXPECT(TUF_ERR_USAGE, tuf_job_new(client, 99, S(GUN), NOTHING, &job, &err));
  EXPECT(TUF_ERR_USAGE, tuf_job_new(client, TUF_IMAGE, S("Not An Image"), NOTHING, &job, &err));
  EXPECT(TUF_ERR_USAGE, tuf_job_new(client, TUF_IMAGE, S(GUN), S("path"), &job, &err));
  EXPECT(TUF_ERR_CONFIG, tuf_job_new(client, TUF_IMAGE, S("other.example/x"), NOTHING, &job, &err));
  EXPECT(TUF_ERR_CONFIG, tuf_job_new(client, TUF_REFRESH, S(GUN), NOTHING, &job, &err));
  EXPECT(TUF_ERR_UTF8, tuf_job_new(client, TUF_IMAGE, S("\xf0\x28"), NOTHING, &job, &err));
  EXPECT(TUF_ERR_NULL, tuf_job_new(client, TUF_IMAGE, S(GUN), NOTHING, NULL, &err));
  CHECK(job == NULL);
  tuf_error *err = NULL;
  CHECK(tuf_client_set_time(client, S("2030"), &err) == TUF_ERR_USAGE);
  expect_error(err, "usage.argument", "not a time of RFC 3339", "2030-01-01T00:00:00Z", NULL);
  tuf_client_free(&client);
}

/* A target's content, in every way that it can be verified. */
static void content(void) {
  tuf_client *client = a_client("https://repo.example/metadata", "targets-url = \"https://repo.example/targets\"");
  char path[4096];
  tuf_job *job = NULL;
  tuf_request request;
  tuf_verdict *verdict = NULL;
  tuf_check *check = NULL;
  uint64_t length = 0;
  snprintf(path, sizeof path, "%s/metadata", tuf);
  EXPECT(TUF_OK, tuf_job_new(client, TUF_ARTIFACT, S(REPOSITORY), S("hello.txt"), &job, &err));
  while (tuf_job_next(job, &request, NULL) == TUF_OK) answer_from(job, &request, "https://repo.example/metadata/", path);
  EXPECT(TUF_OK, tuf_job_verdict(job, &verdict, &err));
  tuf_job_free(&job);
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED);
  CHECK(is(tuf_verdict_path(verdict), "hello.txt") && is(tuf_verdict_role(verdict), "targets"));
  CHECK(is(tuf_verdict_local_name(verdict), "hello.txt") && tuf_verdict_pinned(verdict).ptr == NULL);
  EXPECT(TUF_OK, tuf_verdict_length(verdict, &length, &err));
  CHECK(length == strlen(HELLO));
  EXPECT(TUF_ERR_NULL, tuf_verdict_length(verdict, NULL, &err));
  tuf_text hash = tuf_verdict_hash(verdict, S("sha256"));
  CHECK(hash.len == 64 && tuf_verdict_hash(verdict, S("md5")).ptr == NULL);
  CHECK(tuf_verdict_hash(verdict, S("\xff")).ptr == NULL);
  char url[256];
  snprintf(url, sizeof url, "https://repo.example/targets/%.*s.hello.txt", (int)hash.len, hash.ptr);
  CHECK(is(tuf_verdict_url(verdict), url));
  EXPECT(TUF_OK, tuf_verdict_request(verdict, &request, &err));
  CHECK(is(request.url, url) && request.max_bytes == strlen(HELLO));
  CHECK(request.id == 0 && request.absent == TUF_ABSENT_IS_ERROR);
  EXPECT(TUF_ERR_NULL, tuf_verdict_request(verdict, NULL, &err));

  EXPECT(TUF_OK, tuf_verdict_verify_bytes(verdict, (const uint8_t *)HELLO, strlen(HELLO), &err));
  EXPECT(TUF_ERR_CONTENT, tuf_verdict_verify_bytes(verdict, (const uint8_t *)HELLO, strlen(HELLO) - 1, &err));
  tuf_error *err = NULL;
  CHECK(tuf_verdict_verify_bytes(verdict, (const uint8_t *)"hello from a signed file.\n", 26, &err) == TUF_ERR_CONTENT);
  expect_error(err, "target.hash", "", NULL, NULL); /* no command for a repository that is not named */
  EXPECT(TUF_ERR_NULL, tuf_verdict_verify_bytes(verdict, NULL, 26, &err));
  snprintf(path, sizeof path, "%s/targets/%.*s.hello.txt", tuf, (int)hash.len, hash.ptr);
  EXPECT(TUF_OK, tuf_verdict_verify_file(verdict, S(path), &err));
  char fifo[4096], link[4096];
  snprintf(link, sizeof link, "%s/link", empty);
  CHECK(symlink(path, link) == 0);
  EXPECT(TUF_OK, tuf_verdict_verify_file(verdict, S(link), &err));
  /* Whoever opens a FIFO waits for its other end. */
  snprintf(fifo, sizeof fifo, "%s/fifo", empty);
  CHECK(mkfifo(fifo, 0600) == 0);
  const char *const irregular[] = {fifo, empty, "/dev/zero"};
  for (size_t i = 0; i < 3; i++) {
    tuf_task *task = NULL;
    tuf_verdict *none = NULL;
    CHECK(tuf_verdict_verify_file(verdict, S(irregular[i]), &err) == TUF_ERR_CONTENT);
    expect_error(err, "usage.file", "no regular file", "--help", irregular[i]);
    tuf_client *local = a_client("file:metadata", "");
    EXPECT(TUF_OK, tuf_task_verify_file(local, S(REPOSITORY), S("hello.txt"), S(irregular[i]), &task, &err));
    EXPECT(TUF_DONE, tuf_task_wait(task, TUF_FOREVER, &err));
    CHECK(tuf_task_verdict(task, &none, &err) == TUF_ERR_USAGE);
    expect_error(err, "usage.file", "no regular file", "--help", irregular[i]);
    tuf_task_free(&task);
    tuf_client_free(&local);
  }
  EXPECT(TUF_ERR_CONTENT, tuf_verdict_verify_file(verdict, S("/no/such/file"), &err));

  /* In pieces; too much is told at once; after the end there is nothing more. */
  EXPECT(TUF_OK, tuf_verdict_check(verdict, &check, &err));
  EXPECT(TUF_OK, tuf_check_update(check, (const uint8_t *)HELLO, 5, &err));
  EXPECT(TUF_OK, tuf_check_update(check, NOTHING, &err));
  EXPECT(TUF_OK, tuf_check_update(check, (const uint8_t *)HELLO + 5, strlen(HELLO) - 5, &err));
  EXPECT(TUF_OK, tuf_check_finish(check, &err));
  EXPECT(TUF_ERR_CLOSED, tuf_check_update(check, NOTHING, &err));
  EXPECT(TUF_ERR_CLOSED, tuf_check_finish(check, &err));
  tuf_check_free(&check);
  EXPECT(TUF_OK, tuf_verdict_check(verdict, &check, &err));
  EXPECT(TUF_ERR_CONTENT, tuf_check_update(check, (const uint8_t *)HELLO "!", strlen(HELLO) + 1, &err));
  EXPECT(TUF_ERR_CLOSED, tuf_check_finish(check, &err));
  tuf_check_free(&check);
  EXPECT(TUF_OK, tuf_verdict_check(verdict, &check, &err));
  EXPECT(TUF_ERR_CONTENT, tuf_check_finish(check, &err));
  tuf_check_free(&check);
  EXPECT(TUF_OK, tuf_verdict_check(verdict, &check, &err));
  tuf_check_free(&check);
  EXPECT(TUF_ERR_NULL, tuf_verdict_check(verdict, NULL, &err));
  tuf_verdict_free(&verdict);

  /* What the client has learned answers alone. */
  EXPECT(TUF_OK, tuf_client_set_offline(client, true, &err));
  verdict = at_once(client, TUF_ARTIFACT, REPOSITORY, "hello.txt");
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED && has(tuf_verdict_json(verdict), "\"offline\": true"));
  tuf_verdict_free(&verdict);
  EXPECT(TUF_OK, tuf_client_set_cache(client, NOTHING, &err));
  expect_code(at_once(client, TUF_ARTIFACT, REPOSITORY, "hello.txt"), TUF_UNCHECKED, "store.empty");
  tuf_client_free(&client);
}

/* Content is fetched where the configuration lets it be: not a byte above its limit, nor from nowhere,
 * nor offline. */
static void content_to_fetch(void) {
  static const struct {
    const char *more;
    bool offline;
    tuf_status status;
    const char *code;
  } table[] = {
      {"targets-url = \"file:targets\"\n[limits]\ntarget = 26", false, TUF_OK, NULL},
      {"targets-url = \"file:targets\"\n[limits]\ntarget = 25", false, TUF_ERR_CONTENT, "limit.bytes"},
      {"", false, TUF_ERR_CONFIG, "config.value"},
      {"targets-url = \"file:targets\"", true, TUF_ERR_CONTENT, "store.empty"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    tuf_client *client = a_client("file:metadata", table[i].more);
    tuf_verdict *verdict = at_once(client, TUF_ARTIFACT, REPOSITORY, "hello.txt");
    tuf_request request;
    tuf_error *err = NULL;
    if (table[i].offline) {
      tuf_verdict_free(&verdict);
      EXPECT(TUF_OK, tuf_client_set_offline(client, true, &err));
      verdict = at_once(client, TUF_ARTIFACT, REPOSITORY, "hello.txt");
    }
    CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED);
    CHECK(tuf_verdict_request(verdict, &request, &err) == table[i].status);
    CHECK(table[i].code == NULL ? err == NULL : is(tuf_error_code(err), table[i].code));
    CHECK((request.url.ptr != NULL) == (table[i].code == NULL));
    tuf_error_free(&err);
    tuf_verdict_free(&verdict);
    tuf_client_free(&client);
  }
}

/* The verdict of a task, once it is done. */
static tuf_verdict *ended(tuf_task *task) {
  tuf_verdict *verdict = NULL;
  EXPECT(TUF_DONE, tuf_task_wait(task, TUF_FOREVER, &err));
  EXPECT(TUF_OK, tuf_task_verdict(task, &verdict, &err));
  tuf_task_free(&task);
  return verdict;
}

static void tasks(void) {
  tuf_client *client = a_client("file:metadata", "targets-url = \"file:targets\"");
  tuf_task *task = NULL;
  char cache[4096], downloads[4096];
  snprintf(cache, sizeof cache, "%s/cache", empty);
  snprintf(downloads, sizeof downloads, "%s/downloads", empty);
  EXPECT(TUF_OK, tuf_client_set_cache(client, S(cache), &err));
  EXPECT(TUF_OK, tuf_client_set_time_limit(client, 60000, &err));
  EXPECT(TUF_OK, tuf_client_set_docker_login(client, true, &err));
  EXPECT(TUF_OK, tuf_client_set_docker_login(client, false, &err));

  EXPECT(TUF_OK, tuf_client_set_no_persist(client, true, &err));
  EXPECT(TUF_OK, tuf_task_start(client, TUF_REFRESH, S(REPOSITORY), NOTHING, &task, &err));
  tuf_verdict *verdict = ended(task);
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED && access(cache, F_OK) != 0);
  tuf_verdict_free(&verdict);
  EXPECT(TUF_OK, tuf_client_set_no_persist(client, false, &err));

  EXPECT(TUF_OK, tuf_task_start(client, TUF_ARTIFACT_LIST, S(REPOSITORY), NOTHING, &task, &err));
  verdict = ended(task);
  CHECK(has(tuf_verdict_json(verdict), "project/app.tar") && access(cache, F_OK) == 0);
  tuf_verdict_free(&verdict);

  EXPECT(TUF_OK, tuf_task_download(client, S(REPOSITORY), S("hello.txt"), S(downloads), &task, &err));
  verdict = ended(task);
  char file[8192];
  snprintf(file, sizeof file, "%s/hello.txt", downloads);
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED && is(tuf_verdict_file(verdict), file));
  EXPECT(TUF_OK, tuf_verdict_verify_file(verdict, S(file), &err));
  tuf_verdict_free(&verdict);

  EXPECT(TUF_OK, tuf_task_verify_file(client, S(REPOSITORY), S("hello.txt"), S(file), &task, &err));
  verdict = ended(task);
  CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED);
  tuf_verdict_free(&verdict);
  EXPECT(TUF_OK, tuf_task_verify_file(client, S(REPOSITORY), S("project/app.tar"), S(file), &task, &err));
  expect_code(ended(task), TUF_REFUSED, "target.length");
  EXPECT(TUF_OK, tuf_task_download(client, S(REPOSITORY), S("no-such-file"), S(downloads), &task, &err));
  expect_code(ended(task), TUF_REFUSED, "target.not-signed");
  /* A folder that cannot be: the file is named, and no hint speaks of the cache. */
  EXPECT(TUF_OK, tuf_task_download(client, S(REPOSITORY), S("hello.txt"), S(file), &task, &err));
  verdict = ended(task);
  CHECK(has(tuf_verdict_json(verdict), "mend the folder that this file goes to"));
  CHECK(has(tuf_verdict_json(verdict), "hello.txt/hello.txt"));
  expect_code(verdict, TUF_UNCHECKED, "store.io");

  /* A file that cannot be read is a wrong question, and told when its verdict is asked for. */
  tuf_verdict *none = NULL;
  EXPECT(TUF_OK, tuf_task_verify_file(client, S(REPOSITORY), S("hello.txt"), S("/no/such/file"), &task, &err));
  EXPECT(TUF_DONE, tuf_task_wait(task, TUF_FOREVER, &err));
  EXPECT(TUF_ERR_USAGE, tuf_task_verdict(task, &none, &err));
  CHECK(none == NULL);
  tuf_task_free(&task);

  EXPECT(TUF_ERR_USAGE, tuf_task_start(client, 0, S(REPOSITORY), NOTHING, &task, &err));
  EXPECT(TUF_ERR_USAGE, tuf_task_download(client, S(REPOSITORY), S("hello.txt"), NOTHING, &task, &err));
  EXPECT(TUF_ERR_USAGE, tuf_task_verify_file(client, S(REPOSITORY), S("hello.txt"), NOTHING, &task, &err));
  EXPECT(TUF_ERR_NULL, tuf_task_start(client, TUF_REFRESH, S(REPOSITORY), NOTHING, NULL, &err));
  CHECK(task == NULL);
  tuf_client_free(&client);
}

/* A server that takes connections and says nothing: its address. */
static int silent_server(char *url, size_t size) {
  struct sockaddr_in at;
  socklen_t length = sizeof at;
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int server = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(server >= 0 && bind(server, (struct sockaddr *)&at, sizeof at) == 0 && listen(server, 8) == 0);
  CHECK(getsockname(server, (struct sockaddr *)&at, &length) == 0);
  snprintf(url, size, "http://127.0.0.1:%d", ntohs(at.sin_port));
  return server;
}

static void cancelled(void) {
  char url[64];
  int server = silent_server(url, sizeof url);
  tuf_client *client = a_client(url, "");
  tuf_task *task = NULL;
  tuf_verdict *verdict = NULL;
  EXPECT(TUF_OK, tuf_task_start(client, TUF_REFRESH, S(REPOSITORY), NOTHING, &task, &err));
  EXPECT(TUF_PENDING, tuf_task_wait(task, 0, &err));
  EXPECT(TUF_PENDING, tuf_task_wait(task, 50, &err));
  EXPECT(TUF_PENDING, tuf_task_verdict(task, &verdict, &err));
  CHECK(verdict == NULL);
  EXPECT(TUF_OK, tuf_task_cancel(task, &err));
  EXPECT(TUF_OK, tuf_task_cancel(task, &err));
  expect_code(ended(task), TUF_UNCHECKED, "cancelled");
  /* One that runs is freed, and the process may end. */
  EXPECT(TUF_OK, tuf_task_start(client, TUF_REFRESH, S(REPOSITORY), NOTHING, &task, &err));
  tuf_task_free(&task);
  CHECK(task == NULL);
  tuf_client_free(&client);
  close(server);
}

/* Handles that are none, or of another type: an error each time, whatever is done with them. */
static void wrong_handles(void) {
  tuf_client *client = a_client("file:metadata", "");
  tuf_job *job = NULL;
  tuf_task *task = NULL;
  tuf_verdict *verdict = NULL;
  tuf_check *check = NULL;
  tuf_request request;
  uint64_t length;
  void *wrong[] = {NULL, client, (char *)client + 1};
  for (size_t i = 0; i < 3; i++) {
    EXPECT(TUF_ERR_HANDLE, tuf_job_time_limit(wrong[i], &length, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_job_next(wrong[i], &request, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_job_answer(wrong[i], 0, 200, NOTHING, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_job_fail(wrong[i], 0, TUF_FAILED_TLS, NOTHING, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_job_verdict(wrong[i], &verdict, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_task_wait(wrong[i], 0, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_task_cancel(wrong[i], &err));
    EXPECT(TUF_ERR_HANDLE, tuf_task_verdict(wrong[i], &verdict, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_verdict_check(wrong[i], &check, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_verdict_length(wrong[i], &length, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_verdict_request(wrong[i], &request, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_verdict_verify_bytes(wrong[i], NOTHING, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_verdict_verify_file(wrong[i], S("x"), &err));
    EXPECT(TUF_ERR_HANDLE, tuf_check_update(wrong[i], NOTHING, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_check_finish(wrong[i], &err));
    CHECK(tuf_verdict_word(wrong[i]) == TUF_NONE && tuf_verdict_exit_status(wrong[i]) == 2);
    CHECK(tuf_verdict_json(wrong[i]).ptr == NULL && tuf_verdict_hash(wrong[i], S("sha256")).ptr == NULL);
    CHECK(tuf_error_code(wrong[i]).ptr == NULL);
  }
  void *no_clients[] = {NULL, (char *)client + 1};
  for (size_t i = 0; i < 2; i++) {
    EXPECT(TUF_ERR_HANDLE, tuf_job_new(no_clients[i], TUF_REFRESH, S("x"), NOTHING, &job, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_task_start(no_clients[i], TUF_REFRESH, S("x"), NOTHING, &task, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_task_download(no_clients[i], S("x"), S("x"), S("x"), &task, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_task_verify_file(no_clients[i], S("x"), S("x"), S("x"), &task, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_set_time(no_clients[i], NOTHING, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_set_cache(no_clients[i], NOTHING, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_set_offline(no_clients[i], true, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_set_no_persist(no_clients[i], true, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_set_time_limit(no_clients[i], 1, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_set_collection(no_clients[i], NOTHING, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_set_docker_login(no_clients[i], true, &err));
    EXPECT(TUF_ERR_HANDLE, tuf_client_serve(no_clients[i], S("x"), S("x"), NOTHING, &err));
  }
  /* Freeing what is of another type frees nothing, and the variable is NULL all the same. */
  tuf_job *no_job = (tuf_job *)(void *)client;
  tuf_job_free(&no_job);
  CHECK(no_job == NULL);
  EXPECT(TUF_OK, tuf_client_set_time(client, S(NOW), &err));
  tuf_client_free(&client);
  tuf_client_free(&client);
  tuf_client_free(NULL);
  tuf_job_free(NULL);
  tuf_task_free(NULL);
  tuf_verdict_free(NULL);
  tuf_check_free(NULL);
}

struct shared {
  tuf_client *client;
  tuf_verdict *verdict;
  pthread_barrier_t barrier;
};

/* All threads ask with one client, read one verdict, and close both at once. */
static void *one_of_many(void *argument) {
  struct shared *shared = argument;
  pthread_barrier_wait(&shared->barrier);
  for (int i = 0; i < 3; i++) {
    EXPECT(TUF_OK, tuf_client_set_time(shared->client, S(NOW), &err));
    tuf_verdict *verdict = at_once(shared->client, TUF_ARTIFACT, REPOSITORY, "project/app.tar");
    CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED && tuf_verdict_word(shared->verdict) == TUF_TRUSTED);
    tuf_verdict_free(&verdict);
  }
  pthread_barrier_wait(&shared->barrier);
  tuf_verdict_free(&shared->verdict);
  tuf_client_free(&shared->client);
  return NULL;
}

static void many_threads(void) {
  enum { MANY = 4 };
  struct shared shared = {.client = a_client("file:metadata", "")};
  pthread_t threads[MANY];
  shared.verdict = at_once(shared.client, TUF_REFRESH, REPOSITORY, "");
  CHECK(pthread_barrier_init(&shared.barrier, NULL, MANY) == 0);
  for (int i = 0; i < MANY; i++) CHECK(pthread_create(&threads[i], NULL, one_of_many, &shared) == 0);
  for (int i = 0; i < MANY; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(shared.client == NULL && shared.verdict == NULL);
  pthread_barrier_destroy(&shared.barrier);
}

/* In a thread of its own, whose storage is given back when it ends: valgrind looks at the rest. */
static void *everything(void *argument) {
  (void)argument;
  versions();
  patterns();
  errors();
  from_memory();
  driven_by_the_host();
  time_limits();
  failures();
  never_answered();
  content();
  content_to_fetch();
  tasks();
  cancelled();
  wrong_handles();
  many_threads();
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t thread;
  CHECK(argc == 4);
  notary = argv[1];
  tuf = argv[2];
  empty = argv[3];
  CHECK(pthread_create(&thread, NULL, everything, NULL) == 0 && pthread_join(thread, NULL) == 0);
  puts("every function was used");
  return 0;
}
