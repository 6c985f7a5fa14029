/* A story, piece by piece, for JavaScript: story_open once, story_begin for each story, story_next and story_text until it is over. They
   return 0 on failure, and story_error tells what went wrong. Texts are UTF-8 that ends with a zero, and belong to this file. */
#include <emscripten.h>
#include <rorqual/rorqual.h>
#include <string.h>

static rq_error err = RQ_ERROR_INIT;
static rq_model* model;
static rq_session* session;
static rq_generation* generation;
static char text[4096]; /* of the last piece */

EMSCRIPTEN_KEEPALIVE const char* story_error(void) { return err.code == RQ_OK ? "" : err.message; }

/* The folder of a model in Emscripten's file system. */
EMSCRIPTEN_KEEPALIVE int story_open(const char* folder) {
    rq_source* source = NULL;
    const int opened = rq_source_create_path(folder, strlen(folder), &source, &err) == RQ_OK && rq_model_open(source, NULL, &model, &err) == RQ_OK &&
                       rq_session_create(model, NULL, &session, &err) == RQ_OK;
    rq_source_free(source);
    return opened;
}

/* Reads the beginning of a story; what is the same as last time is not read again. temperature 0: always the likeliest word. */
EMSCRIPTEN_KEEPALIVE int story_begin(const char* prompt, int limit, float temperature, unsigned seed) {
    int32_t tokens[1024];
    size_t count = 0;
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    rq_generation_free(generation);
    generation = NULL;
    err.code = RQ_OK;
    if (rq_model_sampling(model, &sampling, &err) != RQ_OK) return 0;
    sampling.temperature = temperature;
    sampling.seed = seed;
    options.limit = (uint64_t)limit;
    options.sampling = temperature > 0 ? &sampling : NULL;
    return rq_model_encode_prompt(model, prompt, strlen(prompt), 0, tokens, 1024, &count, &err) == RQ_OK &&
           rq_session_sync(session, tokens, count, NULL, NULL, &err) == RQ_OK &&
           rq_generation_create(session, &options, &generation, &err) == RQ_OK;
}

/* Whether there is another piece of text: often a word; empty while a character is incomplete. */
EMSCRIPTEN_KEEPALIVE int story_next(void) {
    rq_piece piece = RQ_PIECE_INIT;
    if (generation == NULL || rq_generation_next(generation, &piece, &err) != RQ_OK || piece.text_len >= sizeof text) return 0;
    memcpy(text, piece.text, piece.text_len);
    text[piece.text_len] = 0;
    if (piece.finish != RQ_FINISH_NONE) {
        rq_generation_free(generation);
        generation = NULL;
    }
    return 1;
}

EMSCRIPTEN_KEEPALIVE const char* story_text(void) { return text; }
