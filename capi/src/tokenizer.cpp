#include "rorqual/tokenizer.hpp"

#include <string>

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

AddedTokens added_tokens(std::uint32_t given) {
    return flags(given, RQ_ENCODE_ADDED_TOKENS, "flags") != 0 ? AddedTokens::recognise : AddedTokens::ignore;
}

bool shows_special(std::uint32_t given) { return flags(given, RQ_DECODE_SPECIAL, "flags") != 0; }

Token defined(const Tokenizer& tokenizer, std::int32_t token) {
    if (token < 0 || token >= tokenizer.vocab_size()) {
        refuse("token", std::to_string(token) + ", the tokenizer has ids from 0 to " + std::to_string(tokenizer.vocab_size() - 1));
    }
    return token;
}

}  // namespace

int32_t rq_model_tokenizer(const rq_model* model, rq_tokenizer** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        made = new rq_tokenizer{required(model, "model")->tokenizer()};
    });
}

int32_t rq_tokenizer_open(const rq_source* source, rq_tokenizer** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        made = new rq_tokenizer{Tokenizer::open(required(source, "source").source)};
    });
}

void rq_tokenizer_free(rq_tokenizer* tokenizer) { delete tokenizer; }

int32_t rq_tokenizer_encode(const rq_tokenizer* tokenizer, const char* utf8, size_t text_len, uint32_t given_flags, int32_t* tokens,
                            size_t capacity, size_t* count, rq_error* err) {
    return boundary(err, [&] {
        TokenBuffer answer(tokens, capacity, count);
        answer.give(required(tokenizer, "tokenizer").tokenizer.encode(text(utf8, text_len, "text"), added_tokens(given_flags)));
    });
}

int32_t rq_model_encode_prompt(const rq_model* model, const char* utf8, size_t text_len, uint32_t given_flags, int32_t* tokens,
                               size_t capacity, size_t* count, rq_error* err) {
    return boundary(err, [&] {
        TokenBuffer answer(tokens, capacity, count);
        answer.give(required(model, "model")->encode_prompt(text(utf8, text_len, "text"), added_tokens(given_flags)));
    });
}

int32_t rq_tokenizer_decode(const rq_tokenizer* tokenizer, const int32_t* tokens, size_t token_count, uint32_t given_flags,
                            char* buffer, size_t capacity, size_t* length, rq_error* err) {
    return boundary(err, [&] {
        TextBuffer answer(buffer, capacity, length);
        answer.give(required(tokenizer, "tokenizer")
                        .tokenizer.decode(array(tokens, token_count, "tokens"), shows_special(given_flags)));
    });
}

int32_t rq_tokenizer_bytes(const rq_tokenizer* tokenizer, int32_t token, const char** bytes, size_t* count, rq_error* err) {
    return boundary(err, [&] {
        BorrowedText answer(bytes, count, "bytes", "count");
        const auto& t = required(tokenizer, "tokenizer").tokenizer;
        answer.give(t.bytes(defined(t, token)));
    });
}

int32_t rq_tokenizer_find(const rq_tokenizer* tokenizer, const char* utf8, size_t text_len, int32_t* token, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(token, "token", -1);
        const auto found = required(tokenizer, "tokenizer").tokenizer.find(text(utf8, text_len, "text"));
        if (!found) throw Error(Status::not_found, "text: no token stands for it");
        answer = *found;
    });
}

int32_t rq_tokenizer_is_special(const rq_tokenizer* tokenizer, int32_t token, uint32_t* special, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(special, "special");
        const auto& t = required(tokenizer, "tokenizer").tokenizer;
        answer = t.is_special(defined(t, token)) ? 1 : 0;
    });
}

int32_t rq_tokenizer_vocab_size(const rq_tokenizer* tokenizer, int64_t* size, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(size, "size");
        answer = required(tokenizer, "tokenizer").tokenizer.vocab_size();
    });
}

int32_t rq_decoder_create(const rq_tokenizer* tokenizer, uint32_t given_flags, rq_decoder** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        const auto& t = required(tokenizer, "tokenizer").tokenizer;
        made = new rq_decoder{t, StreamDecoder(t, shows_special(given_flags))};
    });
}

int32_t rq_decoder_push(rq_decoder* decoder, int32_t token, const char** utf8, size_t* text_len, rq_error* err) {
    return boundary(err, [&] {
        BorrowedText answer(utf8, text_len, "text", "text_len");
        auto& d = required(decoder, "decoder");
        answer.give(d.decoder.push(defined(d.tokenizer, token)));
    });
}

int32_t rq_decoder_finish(rq_decoder* decoder, const char** utf8, size_t* text_len, rq_error* err) {
    return boundary(err, [&] {
        BorrowedText answer(utf8, text_len, "text", "text_len");
        answer.give(required(decoder, "decoder").decoder.finish());
    });
}

void rq_decoder_free(rq_decoder* decoder) { delete decoder; }
