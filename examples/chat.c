/* Talks with a model, one line a turn; what was said before is not evaluated again.   chat MODEL [FORMAT [SEED]] */
#include <rorqual/rorqual.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The conversation as JSON; one that has no room ends the program. */
static char messages[1 << 16] = "[";
static size_t length = 1;

static void add(const char* text, size_t count) {
    if (length + count >= sizeof messages) {
        fprintf(stderr, "chat: the conversation is too long\n");
        exit(1);
    }
    memcpy(messages + length, text, count);
    length += count;
}

/* Text as it stands inside a JSON string. */
static void add_quoted(const char* text, size_t count) {
    char code[8];
    for (; count-- > 0; ++text) {
        if ((unsigned char)*text < 0x20) {
            add(code, (size_t)snprintf(code, sizeof code, "\\u%04x", (unsigned)*text));
        } else {
            if (*text == '"' || *text == '\\') add("\\", 1);
            add(text, 1);
        }
    }
}

static void begin(const char* role) {
    if (length > 1) add(", ", 2);
    add("{\"role\": \"", 10);
    add(role, strlen(role));
    add("\", \"content\": \"", 15);
}

static void end(void) { add("\"}", 2); }

/* Evaluates what is new of the conversation, prints the answer and adds it. */
static int32_t answer(rq_session* session, const rq_tokenizer* tokenizer, const rq_prompt_options* written, uint64_t seed, rq_error* err) {
    static int32_t tokens[1 << 14];
    size_t count = 0;
    rq_prompt* prompt = NULL;
    rq_generation* generation = NULL;
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    rq_piece piece = RQ_PIECE_INIT;

    sampling.temperature = 0.8F;
    sampling.seed = seed;
    options.limit = 200;
    options.sampling = &sampling;
    add("]", 1);
    if (rq_prompt_create(messages, length--, written, &prompt, err) == RQ_OK &&
        rq_prompt_tokens(prompt, tokenizer, tokens, sizeof tokens / sizeof *tokens, &count, err) == RQ_OK &&
        rq_session_sync(session, tokens, count, NULL, NULL, err) == RQ_OK &&
        rq_generation_create(session, &options, &generation, err) == RQ_OK) {
        begin("assistant");
        while (piece.finish == RQ_FINISH_NONE && rq_generation_next(generation, &piece, err) == RQ_OK) {
            fwrite(piece.text, 1, piece.text_len, stdout);
            fflush(stdout);
            add_quoted(piece.text, piece.text_len);
        }
        end();
        printf("\n");
    }
    rq_generation_free(generation);
    rq_prompt_free(prompt);
    return err->code;
}

int main(int argc, char** argv) {
    rq_error err = RQ_ERROR_INIT;
    rq_source* source = NULL;
    rq_model* model = NULL;
    rq_tokenizer* tokenizer = NULL;
    rq_session* session = NULL;
    rq_prompt_options written = RQ_PROMPT_OPTIONS_INIT;
    static char line[4096];

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL [FORMAT [SEED]]\n", argv[0]);
        return 2;
    }
    written.format = argc > 2 ? argv[2] : NULL;
    written.format_len = argc > 2 ? strlen(argv[2]) : 0;
    if (rq_source_create_path(argv[1], strlen(argv[1]), &source, &err) == RQ_OK &&
        rq_model_open(source, NULL, &model, &err) == RQ_OK &&
        rq_model_tokenizer(model, &tokenizer, &err) == RQ_OK &&
        rq_session_create(model, NULL, &session, &err) == RQ_OK) {
        written.tokenizer = tokenizer;
        while (fgets(line, sizeof line, stdin)) {
            begin("user");
            add_quoted(line, strcspn(line, "\n"));
            end();
            if (answer(session, tokenizer, &written, argc > 3 ? strtoull(argv[3], NULL, 10) : 0, &err) != RQ_OK) break;
        }
    }
    if (err.code != RQ_OK) fprintf(stderr, "chat: %s\n", err.message);
    rq_session_free(session);
    rq_tokenizer_free(tokenizer);
    rq_model_free(model);
    rq_source_free(source);
    return err.code == RQ_OK ? 0 : 1;
}
