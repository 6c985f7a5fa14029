// Text and token ids through the C interface.
#include <fstream>

#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

TokenizerHandle open_tokenizer(const std::filesystem::path& path) {
    rq_tokenizer* tokenizer = nullptr;
    Err err;
    must(rq_tokenizer_open(source_of(path).get(), &tokenizer, &err), err);
    return TokenizerHandle(tokenizer);
}

std::vector<std::int32_t> encode(const rq_tokenizer* tokenizer, std::string_view text, std::uint32_t flags = 0) {
    return out_ids([&](auto... to) { return rq_tokenizer_encode(tokenizer, text.data(), text.size(), flags, to...); });
}

std::string decode(const rq_tokenizer* tokenizer, const std::vector<std::int32_t>& ids, std::uint32_t flags = RQ_DECODE_SPECIAL) {
    return out_text([&](auto... to) { return rq_tokenizer_decode(tokenizer, ids.data(), ids.size(), flags, to...); });
}

const std::string story = "Once upon a time, \u201cquoth\u201d the \U0001F98A, there were 12345 na\u00efve kings.\n\n  The end.";

}  // namespace

TEST_CASE("a tokenizer opens from a model, its folder, its file under any name, and from memory", "[capi][tokenizer]") {
    rq_tokenizer* of_model = nullptr;
    Err err;
    must(rq_model_tokenizer(tale(), &of_model, &err), err);
    const TokenizerHandle expected(of_model);
    const auto ids = encode(expected.get(), story);
    REQUIRE(ids.size() > 10);

    const TempFolder folder;
    std::filesystem::copy_file(tale_folder() / "tokenizer.json", folder / "another-name.json");
    CHECK(encode(open_tokenizer(tale_folder()).get(), story) == ids);
    CHECK(encode(open_tokenizer(tale_folder() / "tokenizer.json").get(), story) == ids);
    CHECK(encode(open_tokenizer(tale_folder() / "model.safetensors").get(), story) == ids);
    CHECK(encode(open_tokenizer(folder / "another-name.json").get(), story) == ids);

    std::ifstream in(tale_folder() / "tokenizer.json", std::ios::binary);
    const std::string json{std::istreambuf_iterator<char>(in), {}};
    rq_source* files = nullptr;
    must(rq_source_create_files(&files, &err), err);
    const SourceHandle source(files);
    must(rq_source_add_memory(files, "tokenizer.json", 14, json.data(), json.size(), &err), err);
    rq_tokenizer* from_memory = nullptr;
    must(rq_tokenizer_open(files, &from_memory, &err), err);
    CHECK(encode(TokenizerHandle(from_memory).get(), story) == ids);

    rq_tokenizer* none = nullptr;
    CHECK(rq_tokenizer_open(source_of(folder.path()).get(), &none, &err) == RQ_ERR_NOT_FOUND);
    CHECK(none == nullptr);
}

TEST_CASE("decoding gives back the text that was encoded, whole or token by token", "[capi][tokenizer]") {
    const auto t = open_tokenizer(tale_folder());
    const auto ids = encode(t.get(), story);
    CHECK(decode(t.get(), ids) == story);
    rq_decoder* made = nullptr;
    Err err;
    must(rq_decoder_create(t.get(), 0, &made, &err), err);
    const DecoderHandle decoder(made);
    std::string text;
    const char* piece = nullptr;
    std::size_t size = 0;
    for (const auto id : ids) {
        must(rq_decoder_push(decoder.get(), id, &piece, &size, &err), err);
        REQUIRE(piece != nullptr);
        text.append(piece, size);
    }
    must(rq_decoder_finish(decoder.get(), &piece, &size, &err), err);
    text.append(piece, size);
    CHECK(text == story);
}

TEST_CASE("text becomes a special token only where the flag asks for it", "[capi][tokenizer]") {
    const auto t = open_tokenizer(tale_folder());
    const char* name = nullptr;
    std::size_t size = 0;
    std::uint32_t special = 0;
    Err err;
    must(rq_tokenizer_is_special(t.get(), 1, &special, &err), err);
    REQUIRE(special == 1);
    must(rq_tokenizer_bytes(t.get(), 1, &name, &size, &err), err);
    const std::string end(name, size);
    CHECK(encode(t.get(), end, RQ_ENCODE_ADDED_TOKENS) == std::vector<std::int32_t>{1});
    const auto spelled = encode(t.get(), end);
    CHECK(spelled.size() > 1);
    CHECK(decode(t.get(), spelled) == end);
    CHECK(decode(t.get(), {1}) == end);
    CHECK(decode(t.get(), {1}, 0).empty());
    std::int32_t found = -1;
    must(rq_tokenizer_find(t.get(), end.data(), end.size(), &found, &err), err);
    CHECK(found == 1);
}

TEST_CASE("a prompt begins with the begin-of-sentence token", "[capi][tokenizer]") {
    const auto t = open_tokenizer(tale_folder());
    auto expected = encode(t.get(), "The fox");
    expected.insert(expected.begin(), 0);
    CHECK(prompt_ids("The fox") == expected);
}

TEST_CASE("tokens that do not exist, text that is no UTF-8 and unknown flags are refused", "[capi][tokenizer]") {
    const auto t = open_tokenizer(tale_folder());
    std::int64_t size = 0;
    Err err;
    must(rq_tokenizer_vocab_size(t.get(), &size, &err), err);
    CHECK(size == 4096);
    std::size_t length = 7;
    const char* bytes = nullptr;
    std::uint32_t special = 0;
    for (const std::int64_t wrong : {std::int64_t{-1}, size, std::int64_t{INT32_MAX}, std::int64_t{INT32_MIN}}) {
        CAPTURE(wrong);
        const auto id = static_cast<std::int32_t>(wrong);
        CHECK(rq_tokenizer_decode(t.get(), &id, 1, 0, nullptr, 0, &length, &err) == RQ_ERR_INVALID_ARGUMENT);
        CHECK(length == 0);
        CHECK(rq_tokenizer_bytes(t.get(), id, &bytes, &length, &err) == RQ_ERR_INVALID_ARGUMENT);
        CHECK(rq_tokenizer_is_special(t.get(), id, &special, &err) == RQ_ERR_INVALID_ARGUMENT);
        rq_decoder* decoder = nullptr;
        must(rq_decoder_create(t.get(), 0, &decoder, &err), err);
        CHECK(rq_decoder_push(decoder, id, &bytes, &length, &err) == RQ_ERR_INVALID_ARGUMENT);
        rq_decoder_free(decoder);
    }
    CHECK(rq_tokenizer_encode(t.get(), "ab\xff", 3, 0, nullptr, 0, &length, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_tokenizer_encode(t.get(), "ab", 2, 2, nullptr, 0, &length, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_tokenizer_decode(t.get(), nullptr, 0, 2, nullptr, 0, &length, &err) == RQ_ERR_INVALID_ARGUMENT);
    std::int32_t token = 7;
    CHECK(rq_tokenizer_find(t.get(), "no token is spelled so", 22, &token, &err) == RQ_ERR_NOT_FOUND);
    CHECK(token == -1);
    CHECK(encode(t.get(), "").empty());
    CHECK(rq_tokenizer_encode(t.get(), nullptr, 0, 0, nullptr, 0, &length, &err) == RQ_OK);
}

TEST_CASE("ids do not fit into too small a buffer, which stays untouched", "[capi][tokenizer]") {
    const auto t = open_tokenizer(tale_folder());
    const auto ids = encode(t.get(), story);
    std::vector<std::int32_t> small(ids.size() - 1, 77);
    std::size_t count = 0;
    Err err;
    CHECK(rq_tokenizer_encode(t.get(), story.data(), story.size(), 0, small.data(), small.size(), &count, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(count == ids.size());
    CHECK(small == std::vector<std::int32_t>(small.size(), 77));
}
