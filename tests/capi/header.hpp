#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

/// rorqual.h and its neighbours, read as text.
namespace rorqual::test {

inline std::string read_repository_file(const std::string& path) {
    std::ifstream in(std::string(RQ_SOURCE_DIR "/") + path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The parts that rorqual.h includes, in that order: "c/common.h", …
inline std::vector<std::string> header_parts();

/// rorqual.h with its parts behind it.
inline std::string header_text() {
    std::string text = read_repository_file("capi/include/rorqual/rorqual.h");
    for (const auto& part : header_parts()) text += read_repository_file("capi/include/rorqual/" + part);
    return text;
}

inline std::string stable_section() {
    const std::string text = header_text();
    return text.substr(0, text.find("#ifdef RQ_ENABLE_UNSTABLE"));
}

inline std::string unstable_section() { return header_text().substr(stable_section().size()); }

/// The first group of every match, in order.
inline std::vector<std::string> all_matches(const std::string& text, const std::string& expression) {
    const std::regex regex(expression, std::regex::ECMAScript | std::regex::multiline);
    std::vector<std::string> found;
    for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i) found.push_back((*i)[1]);
    return found;
}

inline std::vector<std::string> header_parts() {
    return all_matches(read_repository_file("capi/include/rorqual/rorqual.h"), R"x(^#include "(c/\w+\.h)")x");
}

inline std::set<std::string> functions_of(const std::string& text) {
    const auto names = all_matches(text, R"(^RQ_API [^;(]*?\b(rq_\w+)\()");
    return {names.begin(), names.end()};
}

inline std::vector<std::string> structs_of(const std::string& text) { return all_matches(text, R"(^typedef struct (rq_\w+) \{)"); }

}  // namespace rorqual::test
