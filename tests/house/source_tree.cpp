#include "house/source_tree.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace rorqual::test {

namespace fs = std::filesystem;

std::string SourceFile::part(std::size_t depth) const {
    const fs::path whole(path);
    const auto parts = std::vector<fs::path>(whole.begin(), whole.end());
    return depth < parts.size() ? parts[depth].string() : std::string();
}

fs::path root() { return RQ_SOURCE_DIR; }

SourceFile file(std::string_view path) {
    std::ifstream in(root() / path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + std::string(path));
    return {std::string(path), std::string(std::istreambuf_iterator<char>(in), {})};
}

std::vector<SourceFile> files_under(std::string_view folder, const std::vector<std::string>& suffixes) {
    std::vector<SourceFile> found;
    for (const auto& entry : fs::recursive_directory_iterator(root() / folder)) {
        if (!entry.is_regular_file()) continue;
        const auto path = entry.path().lexically_relative(root()).generic_string();
        const auto fits = [&](const std::string& suffix) { return path.ends_with(suffix); };
        if (std::any_of(suffixes.begin(), suffixes.end(), fits)) found.push_back(file(path));
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return found;
}

std::vector<SourceFile> code(const std::vector<std::string>& folders) {
    std::vector<SourceFile> found;
    for (const auto& folder : folders) {
        auto more = files_under(folder, {".cpp", ".hpp", ".c", ".h", ".inc"});
        std::move(more.begin(), more.end(), std::back_inserter(found));
    }
    return found;
}

namespace {

/// The end of a raw string literal that starts at text[at] == 'R'; npos where there is none.
std::size_t end_of_raw_string(std::string_view text, std::size_t at) {
    const auto open = text.find('(', at);
    if (open == std::string_view::npos) return open;
    const auto closing = ")" + std::string(text.substr(at + 2, open - at - 2)) + "\"";
    const auto close = text.find(closing, open);
    return close == std::string_view::npos ? close : close + closing.size();
}

/// One past the closing quote of the literal that starts at `at`; escapes are skipped.
std::size_t end_of_literal(std::string_view text, std::size_t at) {
    const char quote = text[at];
    for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return std::min(at + 1, text.size());
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string without_prose(std::string_view text) {
    std::string kept;
    for (std::size_t at = 0; at < text.size();) {
        const auto rest = text.substr(at);
        const bool after_word = at > 0 && is_word(text[at - 1]);
        if (rest.starts_with("//")) {
            at = std::min(text.find('\n', at), text.size());
        } else if (rest.starts_with("/*")) {
            const auto end = text.find("*/", at + 2);
            at = end == std::string_view::npos ? text.size() : end + 2;
        } else if (rest.starts_with("R\"") && !after_word) {
            at = std::min(end_of_raw_string(text, at), text.size());
            kept += "\"\"";
        } else if (rest.front() == '"' || (rest.front() == '\'' && !after_word)) {  // 1'000 is no literal
            kept.append(2, rest.front());
            at = end_of_literal(text, at);
        } else {
            kept += text[at++];
        }
    }
    return kept;
}

std::vector<std::string> lines(std::string_view text) {
    std::istringstream in{std::string(text)};
    std::vector<std::string> found;
    for (std::string line; std::getline(in, line);) found.push_back(line);
    return found;
}

std::vector<std::string> includes(std::string_view text) {
    std::vector<std::string> found;
    static const std::regex include(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
    for (const auto& line : lines(text)) {
        if (std::smatch match; std::regex_search(line, match, include)) found.push_back(match[1]);
    }
    return found;
}

std::vector<std::string> matches(std::string_view text, const std::string& expression) {
    const std::regex regex(expression);
    const std::string copy(text);
    std::vector<std::string> found;
    for (auto at = std::sregex_iterator(copy.begin(), copy.end(), regex); at != std::sregex_iterator(); ++at) {
        found.push_back(at->size() > 1 ? at->str(1) : at->str());
    }
    return found;
}

}  // namespace rorqual::test
