/* Microseconds a token of a generation in C: the other half of overhead.py.   overhead MODEL TOKENS */
#define _POSIX_C_SOURCE 199309L
#include <rorqual/rorqual.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_us(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

int main(int argc, char** argv) {
    const char* prompt = "Once upon a time";
    rq_error err = RQ_ERROR_INIT;
    rq_source* source = NULL;
    rq_model* model = NULL;
    rq_session* session = NULL;
    rq_generation* generation = NULL;
    rq_model_options model_options = RQ_MODEL_OPTIONS_INIT;
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    rq_piece piece = RQ_PIECE_INIT;
    int32_t tokens[64];
    size_t count = 0, made = 0;

    if (argc < 3) return 2;
    model_options.threads = 1;
    options.limit = (uint64_t)atoi(argv[2]);
    options.ignore_stop_tokens = 1;
    if (rq_source_create_path(argv[1], strlen(argv[1]), &source, &err) == RQ_OK &&
        rq_model_open(source, &model_options, &model, &err) == RQ_OK &&
        rq_model_encode_prompt(model, prompt, strlen(prompt), 0, tokens, 64, &count, &err) == RQ_OK &&
        rq_session_create(model, NULL, &session, &err) == RQ_OK &&
        rq_session_sync(session, tokens, count, NULL, NULL, &err) == RQ_OK &&
        rq_generation_create(session, &options, &generation, &err) == RQ_OK) {
        const double start = now_us();
        while (piece.finish == RQ_FINISH_NONE && rq_generation_next(generation, &piece, &err) == RQ_OK) ++made;
        if (err.code == RQ_OK) printf("%.3f\n", (now_us() - start) / (double)made);
    }
    if (err.code != RQ_OK) fprintf(stderr, "overhead: %s\n", err.message);
    rq_generation_free(generation);
    rq_session_free(session);
    rq_model_free(model);
    rq_source_free(source);
    return err.code == RQ_OK ? 0 : 1;
}
