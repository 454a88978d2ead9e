/* libtufverify: strict verification of TUF 1.0 and Notary v1 trust data.
 *
 * Made by cbindgen from ffi/src: not to be edited.
 *
 * Handles. What a call writes to `tuf_X **out` is yours, until `tuf_X_free(&x)`, which also makes
 * your variable NULL; freeing NULL does nothing. Two threads that free through one variable free
 * once. Objects need no other object to live on: a job may outlive its client. A handle that is
 * NULL, of another type, or freed is told by a magic number, as far as memory can still tell:
 * TUF_ERR_HANDLE. Nobody may be inside a call with a handle while it is freed.
 *
 * Text and bytes. They go in as pointer and length (NULL with length 0 is empty), are copied where
 * they are kept, and text is UTF-8. They come out as tuf_text: borrowed from the object that was
 * asked, valid until that is freed, not closed by a zero byte; ptr is NULL where there is no value.
 *
 * Errors. A call that can fail returns a tuf_status, and writes to `err`, unless that is NULL, a
 * tuf_error that is yours (tuf_error_free), or NULL. An `out` is NULL after a failure. A subject
 * that is refused or unchecked is a verdict, and no error.
 *
 * Threads. tuf_client, tuf_task, tuf_verdict and tuf_error are for any number of threads at once.
 * A tuf_job and a tuf_check are for any thread, one at a time: a second one gets TUF_ERR_BUSY.
 *
 * No call keeps a pointer of the caller's, calls back, prints, or ends the process.
 */

#ifndef TUFVERIFY_H
#define TUFVERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


// The version of this interface: it changes whenever something that was there is not as it was.
#define TUF_ABI_VERSION 1

// Kind of question: an image, by reference (`registry.example/app:1.0`) or digest.
#define TUF_IMAGE 1

// Kind of question: everything that is signed for the images of a collection, by its name.
#define TUF_IMAGE_LIST 2

// Kind of question: a file of a TUF 1.0 repository, by the repository's name and the file's path.
#define TUF_ARTIFACT 3

// Kind of question: every file that a TUF 1.0 repository answers with, by its name.
#define TUF_ARTIFACT_LIST 4

// Kind of question: whether a TUF 1.0 repository is complete and current, by its name.
#define TUF_REFRESH 5

// What "there is no such file" means: something is missing.
#define TUF_ABSENT_IS_ERROR 1

// What "there is no such file" means: there are no more roots, as is to be expected.
#define TUF_ABSENT_ENDS_CHAIN 2

// Why there is no answer: the server cannot be reached.
#define TUF_FAILED_UNREACHABLE 1

// Why there is no answer: no secure connection.
#define TUF_FAILED_TLS 2

// Why there is no answer: it took too long.
#define TUF_FAILED_TIME_LIMIT 3

// Why there is no answer: it broke off.
#define TUF_FAILED_CUT_OFF 4

// Why there is no answer: a redirect that is not followed.
#define TUF_FAILED_REDIRECT 5

// Why there is no answer: the caller gave up.
#define TUF_FAILED_CANCELLED 6

// Why there is no answer: a Content-Encoding, though the file was asked for as it is stored.
#define TUF_FAILED_CODING 7

// For tuf_task_wait: until it is done.
#define TUF_FOREVER 18446744073709551615ull

// No verdict: the handle was wrong.
#define TUF_NONE 0

// Every rule held, now, under this configuration.
#define TUF_TRUSTED 1

// What was offered breaks a rule, or is not signed.
#define TUF_REFUSED 2

// No answer was reached.
#define TUF_UNCHECKED 3

// What a call returns. A subject that is refused or unchecked is a verdict, and no error.
typedef enum tuf_status {
  // It is done.
  TUF_OK = 0,
  // Not yet: an answer is outstanding, or the task runs on.
  TUF_PENDING = 1,
  // The job or task is at its end: its verdict can be had.
  TUF_DONE = 2,
  // The question makes no sense: codes `usage.*`.
  TUF_ERR_USAGE = 10,
  // The configuration is wrong: codes `config.*`.
  TUF_ERR_CONFIG = 11,
  // The content is not what was signed: codes `target.*`; it cannot be read: `usage.file`; or it may
  // not be fetched: `limit.bytes`, `store.empty`.
  TUF_ERR_CONTENT = 12,
  // A pointer is NULL that must not be.
  TUF_ERR_NULL = 20,
  // A handle that is none: NULL, of another type, or freed.
  TUF_ERR_HANDLE = 21,
  // Text that is not UTF-8.
  TUF_ERR_UTF8 = 22,
  // A length that no buffer has.
  TUF_ERR_LENGTH = 23,
  // An answer to a request that is not outstanding: never made, or answered before.
  TUF_ERR_REQUEST = 30,
  // Another thread is using the object.
  TUF_ERR_BUSY = 31,
  // The object is at its end, and takes nothing more.
  TUF_ERR_CLOSED = 32,
  // There is no such thing: a verdict without a target has no content to be checked.
  TUF_ERR_NOTHING = 33,
  // A fault of this library, the message says which; please report it.
  TUF_ERR_INTERNAL = 40,
} tuf_status;

// Content that comes in pieces, checked against a target: owned, one thread at a time. Nothing of
// the content may be used before tuf_check_finish has said TUF_OK.
typedef struct tuf_check tuf_check;

// A configuration, a place to remember, and what holds for the questions to come: owned, for any
// number of threads at once. What is set holds for questions that begin after it.
typedef struct tuf_client tuf_client;

// Why a call failed: owned by whoever got it, for any number of threads at once.
typedef struct tuf_error tuf_error;

// A question that the host drives with its own HTTP: owned, one thread at a time. What is
// remembered is read and written inside its calls; only servers are the host's to ask.
typedef struct tuf_job tuf_job;

// A question that a thread of our own drives with the built-in transport: owned, for any number of
// threads at once.
typedef struct tuf_task tuf_task;

// The answer to a question: owned, immutable, for any number of threads at once.
typedef struct tuf_verdict tuf_verdict;

// Borrowed text or bytes: UTF-8, not closed by a zero byte. `ptr` is NULL where there is no value.
typedef struct tuf_text {
  // The first byte.
  const char *ptr;
  // How many bytes there are.
  size_t len;
} tuf_text;

// A file that the host is to fetch, with GET.
typedef struct tuf_request {
  // Goes back with the answer.
  uint64_t id;
  // The whole URL: borrowed from the job until the request is answered, or from the verdict.
  struct tuf_text url;
  // The answer's body may be cut off one byte behind this many, which tells that there is more.
  uint64_t max_bytes;
  // What "there is no such file" means: TUF_ABSENT_IS_ERROR or TUF_ABSENT_ENDS_CHAIN.
  uint32_t absent;
} tuf_request;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// TUF_ABI_VERSION of the library that runs: to be compared with the header's.
uint32_t tuf_abi_version(void);

// The version of the library, closed by a zero byte, valid for ever.
const char *tuf_version(void);

// Whether a shell pattern of a delegation matches a target path (rule T-23).
enum tuf_status tuf_pattern_matches(const char *pattern,
                                    size_t pattern_len,
                                    const char *path,
                                    size_t path_len,
                                    bool *out,
                                    struct tuf_error **err);

// The next bytes: TUF_ERR_CONTENT as soon as there are more than were signed, which ends it.
enum tuf_status tuf_check_update(const struct tuf_check *check,
                                 const uint8_t *content,
                                 size_t content_len,
                                 struct tuf_error **err);

// The end: TUF_OK if the bytes are those that were signed, else TUF_ERR_CONTENT.
enum tuf_status tuf_check_finish(const struct tuf_check *check, struct tuf_error **err);

// Frees a check, at its end or before, and makes the variable NULL.
void tuf_check_free(struct tuf_check **check);

// A client from the text of a configuration (TOML, docs/verdict.md); relative paths in it are
// relative to `folder`, and what would name a file says `configuration text`. It remembers in the
// folder that the text names as `cache`, else in memory, which lives as long as the client.
enum tuf_status tuf_client_from_text(const char *config,
                                     size_t config_len,
                                     const char *folder,
                                     size_t folder_len,
                                     struct tuf_client **out,
                                     struct tuf_error **err);

// A client from a configuration file, which must exist, and `trust.toml` beside it if there is one;
// the rest as with tuf_client_from_text.
enum tuf_status tuf_client_from_file(const char *file,
                                     size_t file_len,
                                     struct tuf_client **out,
                                     struct tuf_error **err);

// Where it remembers: a folder, which is made if it is not there; or, without a name, in memory,
// from nothing.
enum tuf_status tuf_client_set_cache(const struct tuf_client *client,
                                     const char *folder,
                                     size_t folder_len,
                                     struct tuf_error **err);

// The time that is judged by (RFC 3339, `2030-01-01T00:00:00Z`), instead of the machine's clock;
// without text the clock again.
enum tuf_status tuf_client_set_time(const struct tuf_client *client,
                                    const char *time,
                                    size_t time_len,
                                    struct tuf_error **err);

// Whether what is remembered answers alone: nothing is asked for, by jobs neither.
enum tuf_status tuf_client_set_offline(const struct tuf_client *client,
                                       bool offline,
                                       struct tuf_error **err);

// Whether nothing is written to what is remembered.
enum tuf_status tuf_client_set_no_persist(const struct tuf_client *client,
                                          bool no_persist,
                                          struct tuf_error **err);

// How many milliseconds a question may take in all; 0: as the configuration says. Of jobs it is told
// by tuf_job_time_limit.
enum tuf_status tuf_client_set_time_limit(const struct tuf_client *client,
                                          uint64_t milliseconds,
                                          struct tuf_error **err);

// The trust collection in which images are looked up, where it is not their own name; without text
// their own again.
enum tuf_status tuf_client_set_collection(const struct tuf_client *client,
                                          const char *name,
                                          size_t name_len,
                                          struct tuf_error **err);

// Whether tasks may use the passwords that `docker login` and `NOTARY_AUTH` keep, and run the
// credential helpers named there. Without it none are used. Jobs never do: the host has its own.
enum tuf_status tuf_client_set_docker_login(const struct tuf_client *client,
                                            bool allowed,
                                            struct tuf_error **err);

// Serves the collection or repository `name` from memory, or all whose names begin with it if it ends
// at a `/`: each call adds one metadata file, by its path below the repository's metadata URL
// (`timestamp.json`), or replaces it; `file` NULL takes it away. Nothing is asked of the server that
// is configured for it; what else is configured (`format`, `targets-url`) stays.
enum tuf_status tuf_client_serve(const struct tuf_client *client,
                                 const char *name,
                                 size_t name_len,
                                 const char *path,
                                 size_t path_len,
                                 const uint8_t *file,
                                 size_t file_len,
                                 struct tuf_error **err);

// Frees a client, and makes the variable NULL. Its jobs, tasks and verdicts live on.
void tuf_client_free(struct tuf_client **client);

// The status that came with the error.
enum tuf_status tuf_error_status(const struct tuf_error *error);

// The stable code, `family.detail`: docs/verdict.md lists them.
struct tuf_text tuf_error_code(const struct tuf_error *error);

// One sentence for people.
struct tuf_text tuf_error_message(const struct tuf_error *error);

// The role that is concerned, if one is.
struct tuf_text tuf_error_role(const struct tuf_error *error);

// The file that is concerned, if one is.
struct tuf_text tuf_error_file(const struct tuf_error *error);

// What to do next, if that is known.
struct tuf_text tuf_error_hint(const struct tuf_error *error);

// The rule that was broken.
struct tuf_text tuf_error_rule(const struct tuf_error *error);

// What the rule asks for, if it can be said.
struct tuf_text tuf_error_expected(const struct tuf_error *error);

// What was there instead, if it can be said.
struct tuf_text tuf_error_found(const struct tuf_error *error);

// All of it as JSON: the error document that the command prints (schema `error/1`).
struct tuf_text tuf_error_json(const struct tuf_error *error);

// Frees an error, and makes the variable NULL.
void tuf_error_free(struct tuf_error **error);

// Begins a question. `path` goes with TUF_ARTIFACT alone.
enum tuf_status tuf_job_new(const struct tuf_client *client,
                            uint32_t kind,
                            const char *name,
                            size_t name_len,
                            const char *path,
                            size_t path_len,
                            struct tuf_job **out,
                            struct tuf_error **err);

// How many milliseconds the question may take in all, what is fetched for its verdict's content
// included: as tuf_client_set_time_limit or else the configuration's `limits.time` says. It is the
// host's to hold: what has not come by then is TUF_FAILED_TIME_LIMIT.
enum tuf_status tuf_job_time_limit(const struct tuf_job *job,
                                   uint64_t *out,
                                   struct tuf_error **err);

// Goes on until something is needed. TUF_OK: fetch `*out` and answer it; more requests may be had
// before it is answered. TUF_PENDING: answer an outstanding request first. TUF_DONE: the end.
enum tuf_status tuf_job_next(const struct tuf_job *job,
                             struct tuf_request *out,
                             struct tuf_error **err);

// Answers a request with what the server said, in any order: the status of its last response (of
// redirects that the host followed, the last), and the body, or its first `max_bytes + 1` bytes.
// The status counts as it does with our own transport: 200 is the file, 404 "no such file", 401,
// 403, 429 and all others are no answer.
enum tuf_status tuf_job_answer(const struct tuf_job *job,
                               uint64_t id,
                               uint32_t http_status,
                               const uint8_t *body,
                               size_t body_len,
                               struct tuf_error **err);

// Answers a request for which no response came: TUF_FAILED_* and a sentence that says more.
enum tuf_status tuf_job_fail(const struct tuf_job *job,
                             uint64_t id,
                             uint32_t why,
                             const char *message,
                             size_t message_len,
                             struct tuf_error **err);

// The verdict of a job that is at its end, TUF_OK; before the end TUF_PENDING, and none. Each call
// hands out another handle. A question that turns out to be wrong is an error here.
enum tuf_status tuf_job_verdict(const struct tuf_job *job,
                                struct tuf_verdict **out,
                                struct tuf_error **err);

// Frees a job, at its end or before, and makes the variable NULL.
void tuf_job_free(struct tuf_job **job);

// Begins a question. `path` goes with TUF_ARTIFACT alone.
enum tuf_status tuf_task_start(const struct tuf_client *client,
                               uint32_t kind,
                               const char *name,
                               size_t name_len,
                               const char *path,
                               size_t path_len,
                               struct tuf_task **out,
                               struct tuf_error **err);

// Begins to verify that `file`, a regular file, has the content of the target `path` of the TUF 1.0
// repository `name`: the verdict is trusted only if it has.
enum tuf_status tuf_task_verify_file(const struct tuf_client *client,
                                     const char *name,
                                     size_t name_len,
                                     const char *path,
                                     size_t path_len,
                                     const char *file,
                                     size_t file_len,
                                     struct tuf_task **out,
                                     struct tuf_error **err);

// Begins to download the target `path` of the TUF 1.0 repository `name` into `folder`, under its
// local name: nothing lies under that name before it is verified. tuf_verdict_file says where.
enum tuf_status tuf_task_download(const struct tuf_client *client,
                                  const char *name,
                                  size_t name_len,
                                  const char *path,
                                  size_t path_len,
                                  const char *folder,
                                  size_t folder_len,
                                  struct tuf_task **out,
                                  struct tuf_error **err);

// Waits until the task is done, TUF_DONE, or for so many milliseconds, TUF_PENDING; with 0 it only
// asks.
enum tuf_status tuf_task_wait(const struct tuf_task *task,
                              uint64_t milliseconds,
                              struct tuf_error **err);

// Stops the task soon, a hanging server or not: its verdict is then unchecked, with the code
// `cancelled`. What is done already stays done.
enum tuf_status tuf_task_cancel(const struct tuf_task *task, struct tuf_error **err);

// The verdict of a task that is done, TUF_OK; before that TUF_PENDING, and none. Each call hands out
// another handle. A question that turns out to be wrong is an error here.
enum tuf_status tuf_task_verdict(const struct tuf_task *task,
                                 struct tuf_verdict **out,
                                 struct tuf_error **err);

// Frees a task, and makes the variable NULL; one that runs is cancelled, and given half a second to
// end.
void tuf_task_free(struct tuf_task **task);

// TUF_TRUSTED, TUF_REFUSED or TUF_UNCHECKED. Only the first means yes.
uint32_t tuf_verdict_word(const struct tuf_verdict *verdict);

// What the command's exit status would be: trusted 0, refused 1, unchecked 3; 2 for a wrong handle.
uint32_t tuf_verdict_exit_status(const struct tuf_verdict *verdict);

// The whole document as JSON: what the command prints with `--output json` (docs/verdict.md).
struct tuf_text tuf_verdict_json(const struct tuf_verdict *verdict);

// The chain from pin to digest as a tree for people, and what will be refused next: what the
// command's `explain` prints.
struct tuf_text tuf_verdict_tree(const struct tuf_verdict *verdict);

// Why not: the stable code; NULL if trusted.
struct tuf_text tuf_verdict_code(const struct tuf_verdict *verdict);

// Why not: one sentence for people; NULL if trusted.
struct tuf_text tuf_verdict_message(const struct tuf_verdict *verdict);

// `sha256:HEX` of the target that was found and is trusted; NULL if there is none, as are all below.
struct tuf_text tuf_verdict_digest(const struct tuf_verdict *verdict);

// `name@sha256:HEX` of an image: deploy this.
struct tuf_text tuf_verdict_pinned(const struct tuf_verdict *verdict);

// The role that signed the target.
struct tuf_text tuf_verdict_role(const struct tuf_verdict *verdict);

// The target's path, as the metadata name it: for images of Notary collections, the tag.
struct tuf_text tuf_verdict_path(const struct tuf_verdict *verdict);

// The name that the target is stored under in one folder: no two targets share one.
struct tuf_text tuf_verdict_local_name(const struct tuf_verdict *verdict);

// The whole URL of the target's content; NULL if the configuration does not say where targets lie.
// tuf_verdict_request says whether it may be fetched.
struct tuf_text tuf_verdict_url(const struct tuf_verdict *verdict);

// Where the file lies that tuf_task_download brought, or found there.
struct tuf_text tuf_verdict_file(const struct tuf_verdict *verdict);

// A signed hash of the target in hex, by its name: `sha256`, `sha512`, `blake2b-256`.
struct tuf_text tuf_verdict_hash(const struct tuf_verdict *verdict,
                                 const char *algorithm,
                                 size_t algorithm_len);

// The signed length of the target in bytes; TUF_ERR_NOTHING if none is signed.
enum tuf_status tuf_verdict_length(const struct tuf_verdict *verdict,
                                   uint64_t *out,
                                   struct tuf_error **err);

// What is to be fetched for the target's content; its `id` is 0, and goes nowhere. TUF_ERR_NOTHING
// unless the verdict is trusted, and of one target. TUF_ERR_CONFIG if the configuration does not say
// where targets lie; TUF_ERR_CONTENT if this one is above its `limits.target`, `limit.bytes`, or the
// question was asked offline, `store.empty`.
enum tuf_status tuf_verdict_request(const struct tuf_verdict *verdict,
                                    struct tuf_request *out,
                                    struct tuf_error **err);

// A check of content against the target that was found: TUF_ERR_NOTHING unless the verdict is
// trusted, and of one target.
enum tuf_status tuf_verdict_check(const struct tuf_verdict *verdict,
                                  struct tuf_check **out,
                                  struct tuf_error **err);

// Whether these bytes are the content of the target: TUF_OK, or TUF_ERR_CONTENT.
enum tuf_status tuf_verdict_verify_bytes(const struct tuf_verdict *verdict,
                                         const uint8_t *content,
                                         size_t content_len,
                                         struct tuf_error **err);

// Whether this regular file has the content of the target: TUF_OK, or TUF_ERR_CONTENT. (Whoever may write
// to it can change it afterwards: verify a copy that nobody else can write.)
enum tuf_status tuf_verdict_verify_file(const struct tuf_verdict *verdict,
                                        const char *file,
                                        size_t file_len,
                                        struct tuf_error **err);

// Frees a verdict, and makes the variable NULL.
void tuf_verdict_free(struct tuf_verdict **verdict);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TUFVERIFY_H */
