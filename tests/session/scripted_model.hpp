#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "rorqual/session.hpp"
#include "session/fake_network.hpp"
#include "text/byte_alphabet.hpp"

namespace rorqual::test {

inline constexpr Token eos = 0;

/// Token 0 is "<eos>", special; byte b is token b + 1; the pieces follow from 257 on.
inline Tokenizer tokenizer_of(const std::vector<std::string>& pieces) {
    nlohmann::json vocab;
    vocab["<eos>"] = 0;
    Token next = 1;
    for (int byte = 0; byte < 256; ++byte) vocab[text::letters_of_bytes(std::string(1, static_cast<char>(byte)))] = next++;
    for (const auto& piece : pieces) vocab[text::letters_of_bytes(piece)] = next++;
    const nlohmann::json json{
        {"version", "1.0"},
        {"added_tokens", {{{"id", 0}, {"content", "<eos>"}, {"special", true}}}},
        {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}, {"trim_offsets", true}}},
        {"decoder", {{"type", "ByteLevel"}}},
        {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", nlohmann::json::array()}}},
    };
    return Tokenizer::from_json(json.dump());
}

/// The tokens of a text, byte by byte.
inline std::vector<Token> bytes(const std::string& text) {
    std::vector<Token> tokens;
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c) + 1);
    return tokens;
}

/// A model that continues every prompt of `prompt` tokens with the tokens of a script.
struct Scripted {
    Scripted(std::vector<std::string> pieces, std::vector<Token> tokens)
        : fake(false, cpu::Workers::caller(), std::pmr::new_delete_resource(), tokenizer_of(pieces)), script(std::move(tokens)), session(fake.session()) {
        session.append(std::vector<Token>{10, 11});
        fake.network->make_logits = [this](std::span<float> logits, std::uint64_t) {
            std::ranges::fill(logits, 0.0f);
            logits[static_cast<std::size_t>(script.at(session.length() - 2))] = 5;
        };
        session.rewind(1);  // so that the logits after the prompt are made by the script as well
        session.append(std::vector<Token>{11});
    }

    FakeModel fake;
    std::vector<Token> script;
    Session session;
};

struct Told {
    std::vector<Token> tokens;
    std::vector<std::string> texts;
    Finish finish = Finish::none;

    [[nodiscard]] std::string text() const {
        std::string all;
        for (const auto& part : texts) all += part;
        return all;
    }
};

inline Told tell(Generation generation) {
    Told told;
    while (const auto piece = generation.next()) {
        CHECK(told.finish == Finish::none);  // nothing follows the last piece
        if (piece->token >= 0) told.tokens.push_back(piece->token);
        told.texts.emplace_back(piece->text);
        told.finish = piece->finish;
        CHECK(generation.finish() == piece->finish);
    }
    CHECK_FALSE(generation.next());
    CHECK(told.finish != Finish::none);
    return told;
}

}  // namespace rorqual::test
