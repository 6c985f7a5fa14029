// The tokenizer of GGUF files.
#include <catch2/catch.hpp>

#include <filesystem>

#include "io/gguf.hpp"
#include "io/memory_file.hpp"
#include "rorqual/source.hpp"
#include "support/gguf_tokenizer.hpp"
#include "support/outcome.hpp"
#include "tokenizers.hpp"

namespace rorqual {
namespace {

using test::bundled;
using test::GgufKeys;

std::vector<std::byte> file_of(const GgufKeys& keys) {
    io::GgufHeader header;
    for (const auto& [key, put] : keys) put(header, key);
    return header.bytes();
}

Tokenizer tokenizer_of(const GgufKeys& keys) {
    const auto file = file_of(keys);
    return Tokenizer::open(Source::files().add_memory("m.gguf", file));
}

GgufKeys keys_of(const nlohmann::json& tokenizer, const std::string& splitting) {
    GgufKeys keys;
    test::put_gguf_tokenizer(tokenizer, splitting, keys);
    return keys;
}

std::size_t compare(const Tokenizer& gguf, const Tokenizer& published, const std::vector<nlohmann::json>& rows) {
    for (const auto& row : rows) {
        const auto text = row.at("text").get<std::string>();
        CAPTURE(text);
        for (const auto added : {AddedTokens::ignore, AddedTokens::recognise}) {
            const auto ids = gguf.encode(text, added);
            CHECK(ids == published.encode(text, added));
            CHECK(gguf.decode(ids) == published.decode(ids));
        }
    }
    CHECK(gguf.vocab_size() == published.vocab_size());
    return rows.size();
}

const std::filesystem::path shared = RQ_SHARED_DIR;

struct Named {
    const char* name;
    const char* splitting;
};

TEST_CASE("the tokenizer of a GGUF file gives the ids of the tokenizer.json it was made from", "[text][gguf][golden]") {
    const auto c = GENERATE(Named{"v2", "deepseek-llm"}, Named{"v3", "deepseek-v3"}, Named{"v3", "joyai-llm"}, Named{"coder", "deepseek-coder"},
                            Named{"qwen", "qwen2"}, Named{"gpt2", "gpt-2"});
    CAPTURE(c.name, c.splitting);
    auto json = nlohmann::json::parse(test::read_file(bundled(std::string(c.name) + ".json")));
    // What GGUF files do not say of a tokenizer; no file of the names that are known has it.
    json["model"]["ignore_merges"] = false;
    for (auto& token : json["added_tokens"]) token["lstrip"] = token["rstrip"] = token["normalized"] = false;
    if (c.name == std::string("gpt2")) json["pre_tokenizer"]["add_prefix_space"] = false;
    const auto published = Tokenizer::from_json(json.dump());
    CHECK(compare(tokenizer_of(keys_of(json, c.splitting)), published, test::read_json_lines(bundled("vectors.jsonl"))) >= 184);
}

TEST_CASE("the published tokenizers give their ids from GGUF metadata on the whole reference set", "[text][gguf][golden]") {
    struct Model {
        const char* name;
        const char* file;
        const char* vectors;
        const char* splitting;
    };
    const auto model = GENERATE(Model{"tale", "models/tale/tokenizer.json", "tokenizer.jsonl", "deepseek-v3"},
                                Model{"v2", "models/tokenizers/v2-splitter.json", "tokenizer.jsonl", "deepseek-llm"},
                                Model{"v3", "models/tokenizers/deepseek-v3.json.xz", "tokenizer.jsonl", "deepseek-v3"},
                                Model{"v4", "models/tokenizers/deepseek-v4.json.xz", "tokenizer.jsonl", "joyai-llm"},
                                Model{"qwen3", "models/tokenizers/qwen3.json.xz", "tokenizer-more.jsonl", "qwen2"});
    if (!std::filesystem::exists(shared / "golden/text" / model.vectors) || !std::filesystem::exists(shared / model.file)) {
        WARN("the reference set is not here: " << model.name << " was compared with the bundled strings only");
        return;
    }
    const auto tokenizer = tokenizer_of(keys_of(nlohmann::json::parse(test::read_file(shared / model.file)), model.splitting));
    std::size_t tried = 0;
    for (const auto& row : test::read_json_lines(shared / "golden/text" / model.vectors)) {
        if (!row.contains(model.name)) continue;
        const auto text = row.at("text").get<std::string>();
        CAPTURE(model.name, text);
        CHECK(tokenizer.encode(text, AddedTokens::recognise) == row.at(model.name).get<std::vector<Token>>());
        CHECK(tokenizer.encode(text) == row.at(std::string(model.name) + ".plain").get<std::vector<Token>>());
        ++tried;
    }
    WARN(model.name << " from GGUF metadata: " << tried << " strings of the reference set, with and without added tokens");
    CHECK(tried > 0);
}

TEST_CASE("control tokens are special, user-defined ones are not, and padding is no token", "[text][gguf]") {
    auto keys = keys_of(test::smallest_tokenizer(), "gpt-2");  // 256 bytes, "ab", "abc", padding, "<end>" = 300
    const auto tokenizer = tokenizer_of(keys);
    CHECK(tokenizer.vocab_size() == 301);
    CHECK(tokenizer.is_special(300));
    CHECK(tokenizer.find("<end>") == 300);
    CHECK(tokenizer.bytes(299).empty());
    CHECK_FALSE(tokenizer.find("[PAD299]").has_value());
    CHECK(tokenizer.encode("abc<end>", AddedTokens::recognise) == std::vector<Token>{257, 300});
    CHECK(tokenizer.encode("abc<end>").size() == 6);
    auto json = test::smallest_tokenizer();
    json["added_tokens"][0]["special"] = false;
    CHECK_FALSE(tokenizer_of(keys_of(json, "gpt-2")).is_special(300));
}

TEST_CASE("a user-defined token that merging makes as well is made by merging", "[text][gguf]") {
    auto json = test::smallest_tokenizer();
    json["added_tokens"].push_back({{"id", 257}, {"content", "abc"}, {"special", false}, {"normalized", false}});
    const auto published = Tokenizer::from_json(json.dump()), gguf = tokenizer_of(keys_of(json, "gpt-2"));
    for (const auto added : {AddedTokens::ignore, AddedTokens::recognise}) {
        for (const char* text : {"abc", "xabcabx", "ab c"}) CHECK(gguf.encode(text, added) == published.encode(text, added));
    }
    CHECK(gguf.encode("abc") == std::vector<Token>{257});
}

TEST_CASE("a tokenizer in GGUF metadata that cannot be right is refused by key", "[text][gguf][hostile]") {
    struct Case {
        const char* key;
        test::GgufValue value;  // none: the key is missing
        Status status;
        const char* part;
    };
    const std::vector<std::int32_t> ones(301, 1);
    auto too_high = ones;
    too_high[5] = 7;
    const auto tokens_with = [](std::size_t at, const std::string& text) {
        const auto file = file_of(keys_of(test::smallest_tokenizer(), "gpt-2"));
        const auto metadata = io::Gguf::read_header(io::open_memory_file(file, "m.gguf")).metadata;
        const auto texts = metadata.texts("tokenizer.ggml.tokens");
        std::vector<std::string> tokens;
        for (std::size_t i = 0; i < texts.size(); ++i) tokens.emplace_back(texts[i]);
        tokens[at] = text;
        return test::gguf_texts(tokens);
    };
    auto byte_is_control = ones;
    byte_is_control[65] = 3;
    const std::vector<Case> cases = {
        {"tokenizer.ggml.model", test::gguf_text("llama"), Status::unsupported, "\"llama\" is not known"},
        {"tokenizer.ggml.model", test::gguf_u32(2), Status::corrupt, "expected text"},
        {"tokenizer.ggml.pre", {}, Status::not_found, "missing"},
        {"tokenizer.ggml.pre", test::gguf_text("default"), Status::unsupported, "\"default\" is not known"},
        {"tokenizer.ggml.pre", test::gguf_boolean(true), Status::corrupt, "expected text"},
        {"tokenizer.ggml.tokens", {}, Status::not_found, "missing"},
        {"tokenizer.ggml.tokens", test::gguf_i32s(ones), Status::corrupt, "expected an array of text"},
        {"tokenizer.ggml.tokens", tokens_with(256, ""), Status::corrupt, "element 256"},
        {"tokenizer.ggml.tokens", tokens_with(256, "\xFF"), Status::corrupt, "element 256"},
        {"tokenizer.ggml.tokens", tokens_with(256, "abc"), Status::corrupt, "element 257, \"abc\", is there twice"},
        {"tokenizer.ggml.tokens", tokens_with(256, "a"), Status::corrupt, "is there twice"},
        {"tokenizer.ggml.tokens", tokens_with(65, "zz"), Status::unsupported, "no entry for byte 65"},
        {"tokenizer.ggml.tokens", tokens_with(300, std::string(600, 'x')), Status::unsupported, "element 300 is longer"},
        {"tokenizer.ggml.token_type", {}, Status::not_found, "missing"},
        {"tokenizer.ggml.token_type", test::gguf_texts({"1"}), Status::corrupt, "expected an array of integers"},
        {"tokenizer.ggml.token_type", test::gguf_i32s({1, 1}), Status::corrupt, "2 values, expected one for each of the 301"},
        {"tokenizer.ggml.token_type", test::gguf_i32s(too_high), Status::corrupt, "element 5"},
        {"tokenizer.ggml.token_type", test::gguf_i32s(byte_is_control), Status::unsupported, "element 65: a single byte is a control token"},
        {"tokenizer.ggml.merges", {}, Status::not_found, "missing"},
        {"tokenizer.ggml.merges", test::gguf_u32(1), Status::corrupt, "expected an array of text"},
        {"tokenizer.ggml.merges", test::gguf_texts({"a b", "ab"}), Status::corrupt, "element 1"},
        {"tokenizer.ggml.merges", test::gguf_texts({"a b c"}), Status::corrupt, "element 0"},
        {"tokenizer.ggml.merges", test::gguf_texts({"a c"}), Status::corrupt, "element 0"},
        {"tokenizer.ggml.merges", test::gguf_texts({"\xFF b"}), Status::corrupt, "element 0"},
    };
    for (const auto& c : cases) {
        auto keys = keys_of(test::smallest_tokenizer(), "gpt-2");
        keys.erase(c.key);
        if (c.value) keys[c.key] = c.value;
        const auto outcome = test::outcome_of([&] { (void)tokenizer_of(keys); });
        CAPTURE(c.key, c.part, outcome.line);
        CHECK(outcome.status == c.status);
        CHECK(outcome.says("m.gguf: " + std::string(c.key)));
        CHECK(outcome.says(c.part));
    }
}

TEST_CASE("any byte of GGUF tokenizer metadata may take another value: it opens or is refused, and never crashes", "[text][gguf][hostile]") {
    const auto original = file_of(keys_of(test::smallest_tokenizer(), "deepseek-v3"));
    std::size_t opened = 0, refused = 0;
    for (std::size_t i = 0; i < original.size(); ++i) {
        for (const int value : {0x00, 0x20, 0x41, 0x7F, 0xC3, 0xFF}) {
            auto file = original;
            file[i] = static_cast<std::byte>(value);
            const auto outcome = test::outcome_of([&] {
                const auto tokenizer = Tokenizer::open(Source::files().add_memory("m.gguf", file));
                const std::string text = "abc ab 123 <end>";
                CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
            });
            (outcome.ok() ? opened : refused) += 1;
        }
    }
    CHECK(opened > 0);
    CHECK(refused > original.size());
}

}  // namespace
}  // namespace rorqual
