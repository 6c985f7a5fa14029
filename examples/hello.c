/* Loads a model, continues a prompt, prints the text as it is written.   hello MODEL [PROMPT] */
#include <rorqual/rorqual.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
    const char* prompt = argc > 2 ? argv[2] : "Once upon a time";
    rq_error err = RQ_ERROR_INIT;
    rq_source* source = NULL;
    rq_model* model = NULL;
    rq_session* session = NULL;
    rq_generation* generation = NULL;
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    rq_piece piece = RQ_PIECE_INIT;
    int32_t tokens[512];
    size_t count = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL [PROMPT]\n", argv[0]);
        return 2;
    }
    options.limit = 40;
    if (rq_source_create_path(argv[1], strlen(argv[1]), &source, &err) == RQ_OK &&
        rq_model_open(source, NULL, &model, &err) == RQ_OK &&
        rq_model_encode_prompt(model, prompt, strlen(prompt), 0, tokens, 512, &count, &err) == RQ_OK &&
        rq_session_create(model, NULL, &session, &err) == RQ_OK &&
        rq_session_sync(session, tokens, count, NULL, NULL, &err) == RQ_OK &&
        rq_generation_create(session, &options, &generation, &err) == RQ_OK) {
        printf("%s", prompt);
        while (piece.finish == RQ_FINISH_NONE && rq_generation_next(generation, &piece, &err) == RQ_OK) {
            fwrite(piece.text, 1, piece.text_len, stdout);
            fflush(stdout);
        }
        printf("\n");
    }
    if (err.code != RQ_OK) fprintf(stderr, "hello: %s\n", err.message);
    rq_generation_free(generation);
    rq_session_free(session);
    rq_model_free(model);
    rq_source_free(source);
    return err.code == RQ_OK ? 0 : 1;
}
