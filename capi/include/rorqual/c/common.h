/* What every other part needs: version, errors, hooks: a part of rorqual.h, which is the one to include. */
/* clang-format off */
#ifndef RQ_C_COMMON_H
#define RQ_C_COMMON_H

#include <stddef.h>
#include <stdint.h>

#if defined(RQ_STATIC)
#define RQ_API
#elif defined(_WIN32)
#if defined(RQ_BUILDING)
#define RQ_API __declspec(dllexport)
#else
#define RQ_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define RQ_API __attribute__((visibility("default")))
#else
#define RQ_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------------------ version */

#define RQ_VERSION_MAJOR 0
#define RQ_VERSION_MINOR 1
#define RQ_VERSION_PATCH 0
#define RQ_VERSION (RQ_VERSION_MAJOR * 1000000 + RQ_VERSION_MINOR * 1000 + RQ_VERSION_PATCH)

/* The version of the library that is running, as RQ_VERSION counts; RQ_VERSION itself is that of the header you compiled with.
 * Thread: any. Cannot fail. Since 0.1. */
RQ_API uint32_t rq_version(void);

/* ------------------------------------------------------------------------------------------------------------------------- errors */

#define RQ_OK 0
#define RQ_ERR_INVALID_ARGUMENT 1 /* the caller's value is outside what the function documents */
#define RQ_ERR_NOT_FOUND 2        /* a file, key, tensor or token the call needs is not there */
#define RQ_ERR_IO 3               /* the operating system or a callback could not read or write */
#define RQ_ERR_CORRUPT 4          /* a file contradicts itself or its format */
#define RQ_ERR_UNSUPPORTED 5      /* valid, but this version or this machine cannot do it */
#define RQ_ERR_NO_MEMORY 6        /* an allocation failed or a memory budget does not suffice */
#define RQ_ERR_CONTEXT_FULL 7     /* the session has no room for the tokens */
#define RQ_ERR_CANCELLED 8        /* rq_session_cancel was called */
#define RQ_ERR_CALLBACK 9         /* a callback of yours asked to stop or failed */
#define RQ_ERR_WRONG_STATE 10     /* not possible now: no logits yet, no tokenizer, used after fork() */
#define RQ_ERR_INTERNAL 11        /* a mistake in the library; the message says where */

/* What went wrong: one line that names the file, key, tensor or argument. After a call that succeeded: RQ_OK and "". */
typedef struct rq_error {
    uint32_t struct_size;
    int32_t code;          /* RQ_OK or RQ_ERR_*, as the function returned it */
    char message[1016];    /* UTF-8, ends with a zero; a longer line is cut */
} rq_error;
#define RQ_ERROR_INIT { sizeof(rq_error), 0, { 0 } }

/* The name of a status as messages spell it: "not_found"; "unknown" for numbers that are none. Static text.
 * Thread: any. Cannot fail. Since 0.1. */
RQ_API const char *rq_status_name(int32_t status);

/* -------------------------------------------------------------------------------------------------------------------------- hooks */

#define RQ_LOG_ERROR 0
#define RQ_LOG_WARNING 1
#define RQ_LOG_INFO 2
#define RQ_LOG_DEBUG 3

/* Receives the library's notices, one line each, without a newline; `line` is borrowed until the callback returns. Runs on the
 * thread that made the call; must not call the library with the same objects. */
typedef void (*rq_log_fn)(int32_t level, const char *line, size_t line_len, void *user);

/* Where weights that cannot be mapped, caches and scratch memory come from. Both functions may run on any thread, also at the same
 * time, and must not call the library. What alloc returned goes back through release with the same size and alignment. */
typedef struct rq_allocator {
    uint32_t struct_size;
    uint32_t reserved;     /* must be 0 */
    /* `size` bytes at a multiple of `alignment`, a power of two. NULL = none left: the call then fails with RQ_ERR_NO_MEMORY. */
    void *(*alloc)(size_t size, size_t alignment, void *user);
    void (*release)(void *memory, size_t size, size_t alignment, void *user);
    void *user;            /* passed on as it is */
    void *reserved_pointer; /* must be NULL */
} rq_allocator;
#define RQ_ALLOCATOR_INIT { sizeof(rq_allocator), 0, 0, 0, 0, 0 }

/* One piece of work of the library: run it once for each index. */
typedef void (*rq_task_fn)(void *context, size_t index);

/* Your threads, lent to the library. Results never depend on how many take part or in which order they run. */
typedef struct rq_executor {
    uint32_t struct_size;
    uint32_t concurrency;  /* how many tasks can run at the same time, at least 1 */
    /* Calls task(context, i) once for every i < count, on any threads, and returns when all have returned. Runs on the thread that
     * called the library; must not call the library. Non-zero = could not: that call then fails with RQ_ERR_CALLBACK. */
    int32_t (*run)(size_t count, rq_task_fn task, void *context, void *user);
    void *user;            /* passed on as it is */
} rq_executor;
#define RQ_EXECUTOR_INIT { sizeof(rq_executor), 0, 0, 0 }

#ifdef __cplusplus
}
#endif

#endif /* RQ_C_COMMON_H */
