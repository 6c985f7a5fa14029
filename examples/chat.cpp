// Talks with a model, one line a turn; what was said before is not evaluated again.   chat MODEL [FORMAT [SEED]]
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>

#include "rorqual/rorqual.hpp"

namespace {

/// Text as JSON writes it.
std::string as_json(const std::string& text) {
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            constexpr char digits[] = "0123456789abcdef";
            json += c < 0x10 ? "\\u000" : "\\u001";
            json += digits[c % 16];
        } else {
            json += c;
        }
    }
    return json + '"';
}

void converse(rorqual::Session& session, const rorqual::Tokenizer& tokenizer, std::string format, std::uint64_t seed) {
    if (format.empty()) format = rorqual::newest_prompt_format(tokenizer);
    std::string messages, line;
    while (std::getline(std::cin, line)) {
        messages += R"({"role": "user", "content": )" + as_json(line) + "}";
        const rorqual::Prompt prompt("[" + messages + "]", {.format = format});
        session.sync(prompt.tokens(tokenizer));
        auto generation = session.generate({.sampling = {.temperature = 0.8F, .seed = seed}, .limit = 200});
        std::string answer;
        while (const auto piece = generation.next()) {
            std::cout << piece->text << std::flush;
            answer += piece->text;
        }
        std::cout << std::endl;
        messages += R"(, {"role": "assistant", "content": )" + as_json(answer) + "}, ";
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL [FORMAT [SEED]]\n";
        return 2;
    }
    try {
        const auto model = rorqual::Model::open(rorqual::Source::path(argv[1]));
        auto session = model->session();
        converse(session, model->tokenizer(), argc > 2 ? argv[2] : "", argc > 3 ? std::stoull(argv[3]) : 0);
    } catch (const std::exception& error) {
        std::cerr << "chat: " << error.what() << '\n';
        return 1;
    }
}
