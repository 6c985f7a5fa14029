#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/gguf_writer.hpp"

namespace rorqual::test {

/// Writes the value of a key of any type.
using GgufValue = std::function<void(io::GgufHeader& header, const std::string& key)>;
using GgufKeys = std::map<std::string, GgufValue>;

inline GgufValue gguf_u16(std::uint16_t v) {
    return [v](io::GgufHeader& h, const std::string& key) { h.u16(key, v); };
}
inline GgufValue gguf_u32(std::uint32_t v) {
    return [v](io::GgufHeader& h, const std::string& key) { h.u32(key, v); };
}
inline GgufValue gguf_i32(std::int32_t v) {
    return [v](io::GgufHeader& h, const std::string& key) { h.i32(key, v); };
}
inline GgufValue gguf_u64(std::uint64_t v) {
    return [v](io::GgufHeader& h, const std::string& key) { h.u64(key, v); };
}
inline GgufValue gguf_f32(float v) {
    return [v](io::GgufHeader& h, const std::string& key) { h.f32(key, v); };
}
inline GgufValue gguf_boolean(bool v) {
    return [v](io::GgufHeader& h, const std::string& key) { h.boolean(key, v); };
}
inline GgufValue gguf_text(std::string v) {
    return [v = std::move(v)](io::GgufHeader& h, const std::string& key) { h.text(key, v); };
}
inline GgufValue gguf_texts(std::vector<std::string> v) {
    return [v = std::move(v)](io::GgufHeader& h, const std::string& key) { h.texts(key, v); };
}
inline GgufValue gguf_i32s(std::vector<std::int32_t> v) {
    return [v = std::move(v)](io::GgufHeader& h, const std::string& key) { h.i32s(key, v); };
}

/// The keys that a tokenizer.json becomes in a GGUF file: what llama.cpp's converter writes (get_vocab_base_pre and after).
/// `splitting`: tokenizer.ggml.pre.
inline void put_gguf_tokenizer(const nlohmann::json& json, const std::string& splitting, GgufKeys& keys) {
    constexpr std::int32_t normal = 1, control = 3, user_defined = 4, unused = 5;
    const auto& vocab = json.at("model").at("vocab");
    std::int64_t highest = -1;
    for (const auto& [token, id] : vocab.items()) highest = std::max(highest, id.get<std::int64_t>());
    for (const auto& added : json.at("added_tokens")) highest = std::max(highest, added.at("id").get<std::int64_t>());
    std::vector<std::string> tokens;
    for (std::int64_t i = 0; i <= highest; ++i) tokens.push_back("[PAD" + std::to_string(i) + "]");
    std::vector<std::int32_t> types(tokens.size(), unused);
    for (const auto& [token, id] : vocab.items()) {
        tokens[id.get<std::size_t>()] = token;
        types[id.get<std::size_t>()] = normal;
    }
    for (const auto& added : json.at("added_tokens")) {
        const auto id = added.at("id").get<std::size_t>();
        const auto& text = added.at("content").get_ref<const std::string&>();
        const auto between = [&](const char* open, const char* close) { return text.starts_with(open) && text.ends_with(close); };
        tokens[id] = text;
        types[id] = added.at("special").get<bool>() || between("<|", "|>") || between("<｜", "｜>") ? control : user_defined;
    }
    std::vector<std::string> merges;
    for (const auto& merge : json.at("model").at("merges")) {
        merges.push_back(merge.is_string() ? merge.get<std::string>() : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    }
    keys["tokenizer.ggml.model"] = gguf_text("gpt2");
    keys["tokenizer.ggml.pre"] = gguf_text(splitting);
    keys["tokenizer.ggml.tokens"] = gguf_texts(std::move(tokens));
    keys["tokenizer.ggml.token_type"] = gguf_i32s(std::move(types));
    keys["tokenizer.ggml.merges"] = gguf_texts(std::move(merges));
}

}  // namespace rorqual::test
