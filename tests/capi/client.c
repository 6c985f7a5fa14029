/* A program as others write them, in C89: opens the model named first, continues the text named second by as many tokens as
 * named third, prints text alone. Exits with the status of the call that failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rorqual/rorqual.h"

static int32_t tell(rq_session* session, unsigned long limit, rq_error* err) {
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    rq_piece piece = RQ_PIECE_INIT;
    rq_generation* generation = NULL;
    int32_t status;

    options.limit = limit;
    status = rq_generation_create(session, &options, &generation, err);
    while (status == RQ_OK) {
        status = rq_generation_next(generation, &piece, err);
        if (status != RQ_OK) break;
        fwrite(piece.text, 1, piece.text_len, stdout);
        if (piece.finish != RQ_FINISH_NONE) break;
    }
    rq_generation_free(generation);
    return status;
}

int main(int argc, char** argv) {
    rq_error err = RQ_ERROR_INIT;
    rq_source* source = NULL;
    rq_model* model = NULL;
    rq_session* session = NULL;
    int32_t* tokens = NULL;
    size_t count = 0;
    int32_t status;

    if (argc != 4) return 100;
    status = rq_source_create_path(argv[1], strlen(argv[1]), &source, &err);
    if (status == RQ_OK) status = rq_model_open(source, NULL, &model, &err);
    rq_source_free(source);
    if (status == RQ_OK) status = rq_session_create(model, NULL, &session, &err);
    if (status == RQ_OK) status = rq_model_encode_prompt(model, argv[2], strlen(argv[2]), 0, NULL, 0, &count, &err);
    if (status == RQ_OK) {
        tokens = (int32_t*)malloc(count * sizeof *tokens);
        status = rq_model_encode_prompt(model, argv[2], strlen(argv[2]), 0, tokens, count, &count, &err);
    }
    rq_model_free(model);
    if (status == RQ_OK) status = rq_session_append(session, tokens, count, NULL, 0, &err);
    free(tokens);
    if (status == RQ_OK) status = tell(session, strtoul(argv[3], NULL, 10), &err);
    rq_session_free(session);
    if (status != RQ_OK) fprintf(stderr, "%s: %s\n", rq_status_name(status), err.message);
    return (int)status;
}
