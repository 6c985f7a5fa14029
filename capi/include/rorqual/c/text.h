/* Tokenizers, prompts and answers: a part of rorqual.h, which is the one to include. */
/* clang-format off */
#ifndef RQ_C_TEXT_H
#define RQ_C_TEXT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------------- tokenizer */

/* Text <-> token ids. Immutable: any number of threads may use one at once. */
typedef struct rq_tokenizer rq_tokenizer;

/* The tokenizer of a model.   out: owned: rq_tokenizer_free().
 * Thread: any. Errors: RQ_ERR_WRONG_STATE where the checkpoint has none. Since 0.1. */
RQ_API int32_t rq_model_tokenizer(const rq_model *model, rq_tokenizer **out, rq_error *err);

/* A tokenizer without a model.
 *   source     a path to a tokenizer.json (of any name), to a GGUF file (of a split, the first part is enough) or to a folder
 *              that holds one of them, or such files under their names.
 *   out        owned: rq_tokenizer_free().
 * Thread: any. Errors: RQ_ERR_NOT_FOUND, RQ_ERR_IO, RQ_ERR_CORRUPT, RQ_ERR_UNSUPPORTED. Since 0.1. */
RQ_API int32_t rq_tokenizer_open(const rq_source *source, rq_tokenizer **out, rq_error *err);

/* Gives a tokenizer back. Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_tokenizer_free(rq_tokenizer *tokenizer);

#define RQ_ENCODE_ADDED_TOKENS 1u /* text such as "<s>" becomes the token of that name. Without it such text is spelled out like
                                     any other: right for text from users, which can then never become a special token */

/* Out-ids of a text; nothing is added before or after.
 *   text       UTF-8, text_len bytes.       flags    RQ_ENCODE_*.
 * Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT with the offset of bytes that are no UTF-8. Since 0.1. */
RQ_API int32_t rq_tokenizer_encode(const rq_tokenizer *tokenizer, const char *text, size_t text_len, uint32_t flags, int32_t *tokens,
                                   size_t capacity, size_t *count, rq_error *err);

/* Out-ids of a prompt as the model expects it: like rq_tokenizer_encode, with begin-of-sentence first where the model
 * asks for it (add_bos_token) and the text does not bring it itself. Thread: any. Errors: RQ_ERR_WRONG_STATE without a tokenizer. Since 0.1. */
RQ_API int32_t rq_model_encode_prompt(const rq_model *model, const char *text, size_t text_len, uint32_t flags, int32_t *tokens,
                                      size_t capacity, size_t *count, rq_error *err);

#define RQ_DECODE_SPECIAL 1u /* special tokens appear in the text; without it they are left out */

/* Out-text of ids. Bytes that are no UTF-8 become U+FFFD.
 *   tokens     token_count ids below the vocabulary size.       flags    RQ_DECODE_*.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_decode(const rq_tokenizer *tokenizer, const int32_t *tokens, size_t token_count, uint32_t flags,
                                   char *buffer, size_t capacity, size_t *length, rq_error *err);

/* The exact bytes of one token: may be a part of a character, none for ids that the tokenizer leaves undefined.
 *   bytes      borrowed until this tokenizer handle is freed; no zero at the end is promised.       count    set.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_bytes(const rq_tokenizer *tokenizer, int32_t token, const char **bytes, size_t *count, rq_error *err);

/* The id of an added token or vocabulary entry, given as the text it stands for.   token: set; -1 on failure.
 * Thread: any. Errors: RQ_ERR_NOT_FOUND. Since 0.1. */
RQ_API int32_t rq_tokenizer_find(const rq_tokenizer *tokenizer, const char *text, size_t text_len, int32_t *token, rq_error *err);

/* Whether a token is a special one (begin of sentence ...).   special: 1 or 0. Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_is_special(const rq_tokenizer *tokenizer, int32_t token, uint32_t *special, rq_error *err);

/* Highest defined id + 1; a model's vocab_size may be larger.   size: set. Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_vocab_size(const rq_tokenizer *tokenizer, int64_t *size, rq_error *err);

/* Turns a stream of tokens into a stream of text without ever splitting a character. One thread at a time. */
typedef struct rq_decoder rq_decoder;

/* A decoder at the start of a text.   flags: RQ_DECODE_*.   out: owned: rq_decoder_free(). Keeps what it needs of the tokenizer.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_decoder_create(const rq_tokenizer *tokenizer, uint32_t flags, rq_decoder **out, rq_error *err);

/* The text that is certain after one more token; empty while a character is incomplete.
 *   text       borrowed until the next call with this decoder; no zero at the end is promised.       text_len    set.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_decoder_push(rq_decoder *decoder, int32_t token, const char **text, size_t *text_len, rq_error *err);

/* What is left at the end: bytes that never became a character come out as U+FFFD. Then starts anew. Parameters as rq_decoder_push.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_decoder_finish(rq_decoder *decoder, const char **text, size_t *text_len, rq_error *err);

/* Frees a decoder. Thread: one at a time. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_decoder_free(rq_decoder *decoder);

/* ------------------------------------------------------------------------------------------------------------------------ prompts */

/* A conversation as the text and the token ids that a model expects: the templates and encoders published with the models, byte for
 * byte. Immutable: any number of threads may use one at once. */
typedef struct rq_prompt rq_prompt;

typedef struct rq_prompt_options {
    uint32_t struct_size;
    uint32_t thinking;             /* 1 = the model is to reason before it answers; R1 always does */
    const char *format;            /* "v2", "v3", "r1", "v3-0324", "r1-0528", "v3.1", "v3.2", "v4" or "jinja"; copied */
    size_t format_len;             /* 0 = the one that writes what the template writes, else "jinja"; without a template the newest whose
                                    * special tokens the tokenizer has */
    const rq_tokenizer *tokenizer; /* read during the call only; may be NULL where a format is named or a model given */
    const char *effort;            /* V4, where thinking: "max" asks for all there is, "high" for the usual; copied */
    size_t effort_len;             /* 0 = the usual */
    uint32_t keep_thinking;        /* 1 = reasoning of earlier turns stays in the prompt (V3.2, V4) */
    uint32_t no_generation;        /* 1 = the prompt does not open an answer (up to V3.1; "jinja") */
    const rq_model *model;         /* read during the call only: the tokenizer and the chat template that come with it; may be NULL */
    const char *chat_template;     /* Jinja, in place of the model's; copied */
    size_t chat_template_len;      /* 0 = the model's, where it has one */
    const char *variables;         /* "jinja": more of what the template is told, a JSON object; copied */
    size_t variables_len;          /* 0 = nothing */
} rq_prompt_options;
#define RQ_PROMPT_OPTIONS_INIT { sizeof(rq_prompt_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Reads a conversation and writes its prompt.
 *
 * Format "jinja" runs a chat template that comes with another model as Hugging Face transformers does. The template is told messages, as
 * they are (each an object with a `role`; the other keys are the template's business); tools, those of all messages that have any, else
 * none; add_generation_prompt, thinking and enable_thinking, as the options say; and bos_token and its like of the model, and `variables`,
 * of which names that end in "_token" are markup as the template's own text is. All other strings never become special tokens.
 * Understood are if, for, set, macro, generation, break, continue and raw; all operators, slices and inline if; range, dict, namespace and
 * raise_exception; strftime_now only where a variable of that name says what it returns, since the library reads no clock; the methods,
 * filters and tests that templates use (`include/rorqual/prompt.hpp` lists them). The rest is refused, and a template that takes more than
 * its share (256 KiB, 200 levels, 2^22 steps beyond one and 64 MiB beyond 16 for each byte of messages) is stopped.
 *
 *   messages   a JSON array in the OpenAI shape, UTF-8, messages_len bytes: objects with `role` (system, developer, user, assistant,
 *              tool, latest_reminder) and `content`; of an assistant `tool_calls` and `reasoning_content`; of a tool `tool_call_id`; of
 *              system and developer messages `tools` and `response_format` (a JSON schema); of a user `task` (V4). Keys that are
 *              null count as absent.
 *   options    may be NULL only to be told so: a format, a tokenizer or a model is needed.
 *   out        owned: rq_prompt_free().
 * Thread: any. Errors, which name the place ("messages[3].content: expected a string"): RQ_ERR_CORRUPT for text that is no JSON, too deep
 * or too long, for missing keys and wrong types; RQ_ERR_UNSUPPORTED for keys and roles that are not known or that the format does not
 * have, where the tokenizer has the special tokens of no format, for what a template has that is not supported, and what it raises;
 * RQ_ERR_NOT_FOUND for a format that does not exist; RQ_ERR_INVALID_ARGUMENT for "jinja" without a template. Since 0.1. */
RQ_API int32_t rq_prompt_create(const char *messages, size_t messages_len, const rq_prompt_options *options, rq_prompt **out,
                                rq_error *err);

/* The format of a prompt: the one that was named or found.
 *   name       static text; no zero at the end is promised.       name_len    set.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_prompt_format(const rq_prompt *prompt, const char **name, size_t *name_len, rq_error *err);

/* The text of a prompt, special tokens spelled out: what the published template writes.
 *   text       borrowed until rq_prompt_free; no zero at the end is promised.       text_len    set.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_prompt_text(const rq_prompt *prompt, const char **text, size_t *text_len, rq_error *err);

/* Out-ids of a prompt. Text of users, tools and models never becomes a special token, whatever it spells; apart from that they are the
 * ids of its text with RQ_ENCODE_ADDED_TOKENS. Thread: any. Since 0.1. */
RQ_API int32_t rq_prompt_tokens(const rq_prompt *prompt, const rq_tokenizer *tokenizer, int32_t *tokens, size_t capacity, size_t *count,
                                rq_error *err);

/* Frees a prompt. Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_prompt_free(rq_prompt *prompt);

/* What a model writes, read while it is written: reasoning apart from the answer, calls of tools as they arrive. One thread at a time.
 *
 *     rq_completion_feed(completion, piece.text, piece.text_len, &err);         generated with `special` = 1
 *     while (rq_completion_next(completion, &kind, &text, &text_len, &err) == RQ_OK && kind != RQ_PART_NONE) show(kind, text, text_len);
 *
 * Nothing is given out that could still be part of a marker; all parts joined do not depend on how the text was cut. The marker that ends
 * an answer belongs to the text: feed it where a generation stopped at it without showing it. After an error only rq_completion_next
 * and rq_completion_free are of use. */
typedef struct rq_completion rq_completion;

#define RQ_PART_NONE 0      /* nothing more is certain yet */
#define RQ_PART_REASONING 1 /* text the model thinks */
#define RQ_PART_CONTENT 2   /* text of the answer */
#define RQ_PART_TOOL_CALL 3 /* a call begins: the name of the function */
#define RQ_PART_ARGUMENTS 4 /* more of the arguments of the call that began last: all of a call joined are its JSON */

/* Begins to read an answer.
 *   format     that of the prompt (rq_prompt_format), format_len bytes; copied.
 *   thinking   as in the rq_prompt_options of the prompt: 1 or 0.
 *   out        owned: rq_completion_free().
 * Thread: any. Errors: RQ_ERR_NOT_FOUND for the format. Since 0.1. */
RQ_API int32_t rq_completion_create(const char *format, size_t format_len, uint32_t thinking, rq_completion **out, rq_error *err);

/* More of the text.
 *   text       text_len bytes, which may end anywhere, inside a character too; copied.
 * Thread: one at a time. Errors: RQ_ERR_CORRUPT with the byte where it is no answer of the format; RQ_ERR_WRONG_STATE after
 * rq_completion_finish or an earlier error. Since 0.1. */
RQ_API int32_t rq_completion_feed(rq_completion *completion, const char *text, size_t text_len, rq_error *err);

/* The next part that is certain.
 *   kind       RQ_PART_*; RQ_PART_NONE where there is none.
 *   text       borrowed until the next call of this function or rq_completion_free; no zero at the end is promised.       text_len    set.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_completion_next(rq_completion *completion, int32_t *kind, const char **text, size_t *text_len, rq_error *err);

/* The end of the text: what was held back becomes a part, also where the answer is refused.
 *   message    the whole answer as a JSON message, ready for the array of rq_prompt_create: role, content (null beside calls of tools where
 *              there is no text), reasoning_content and tool_calls where there are any. Borrowed until rq_completion_free; no zero at the
 *              end is promised.       message_len    set.
 * Thread: one at a time. Errors: RQ_ERR_CORRUPT for an answer that is not whole or no UTF-8; RQ_ERR_WRONG_STATE as rq_completion_feed.
 * Since 0.1. */
RQ_API int32_t rq_completion_finish(rq_completion *completion, const char **message, size_t *message_len, rq_error *err);

/* Frees a completion. Thread: one at a time. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_completion_free(rq_completion *completion);

#ifdef __cplusplus
}
#endif

#endif /* RQ_C_TEXT_H */
