#include "tokenizers.hpp"

#include <lzma.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "text/byte_alphabet.hpp"

namespace rorqual::test {
namespace {

std::string decompressed(const std::string& packed) {
    constexpr std::uint64_t memory_limit = std::uint64_t{256} << 20;
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, memory_limit, 0) != LZMA_OK) throw std::runtime_error("liblzma does not start");
    stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
    stream.avail_in = packed.size();

    std::string text;
    lzma_ret state = LZMA_OK;
    while (state == LZMA_OK) {
        const std::size_t done = text.size();
        text.resize(done + (std::size_t{1} << 20));
        stream.next_out = reinterpret_cast<std::uint8_t*>(text.data() + done);
        stream.avail_out = text.size() - done;
        state = lzma_code(&stream, LZMA_FINISH);
        text.resize(text.size() - stream.avail_out);
    }
    lzma_end(&stream);
    if (state != LZMA_STREAM_END) throw std::runtime_error("not a whole xz file");
    return text;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    std::string text{std::istreambuf_iterator<char>(file), {}};
    return path.extension() == ".xz" ? decompressed(text) : text;
}

std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path) {
    std::istringstream lines(read_file(path));
    std::vector<nlohmann::json> values;
    for (std::string line; std::getline(lines, line);) values.push_back(nlohmann::json::parse(line));
    return values;
}

std::filesystem::path bundled(const std::string& name) { return std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/text" / name; }

Tokenizer bundled_tokenizer(const std::string& name) { return Tokenizer::from_json(read_file(bundled(name + ".json")), name); }

nlohmann::json smallest_tokenizer() {
    nlohmann::json vocab;
    for (int byte = 0; byte < 256; ++byte) {
        const char text = static_cast<char>(byte);
        vocab[text::letters_of_bytes({&text, 1})] = byte;
    }
    vocab["ab"] = 256;
    vocab["abc"] = 257;
    auto file = nlohmann::json::parse(R"({
        "version": "1.0",
        "added_tokens": [{"id": 300, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
                          "normalized": false, "special": true}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "model": {"type": "BPE", "merges": [["a", "b"], ["ab", "c"]]}
    })");
    file["model"]["vocab"] = vocab;
    return file;
}

Tokenizer tokenizer_with(const std::vector<std::string>& added) {
    auto file = smallest_tokenizer();
    file["added_tokens"] = nlohmann::json::array();
    int id = 1000;
    for (const auto& token : added) {
        file["added_tokens"].push_back({{"id", id++}, {"content", token}, {"special", true}, {"normalized", false}, {"lstrip", false}, {"rstrip", false}, {"single_word", false}});
    }
    return Tokenizer::from_json(file.dump(), "made");
}

bool is_utf8(std::string_view text) {
    const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
    for (std::size_t i = 0; i < text.size();) {
        const int lead = byte(i);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 0
                                                 : lead < 0xE0   ? 2
                                                 : lead < 0xF0   ? 3
                                                 : lead < 0xF8   ? 4
                                                                 : 0;
        if (length == 0) return false;
        char32_t value = length == 1 ? lead : lead & (0x7F >> length);
        for (std::size_t k = 1; k < length; ++k) {
            if ((byte(i + k) & 0xC0) != 0x80) return false;
            value = value << 6 | (byte(i + k) & 0x3F);
        }
        const char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return false;
        i += length;
    }
    return true;
}

}  // namespace rorqual::test
