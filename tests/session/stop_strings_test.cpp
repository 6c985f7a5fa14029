#include "session/stop_strings.hpp"

#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "support/outcome.hpp"

using rorqual::session::StopStrings;
using rorqual::test::outcome_of;

namespace {

/// What should come out, by the plainest means: the text before the stop string that is complete first.
std::string definition(const std::vector<std::string>& stops, const std::string& text) {
    for (std::size_t end = 1; end <= text.size(); ++end) {
        std::size_t longest = 0;
        for (const auto& stop : stops) {
            if (stop.size() <= end && text.compare(end - stop.size(), stop.size(), stop) == 0) longest = std::max(longest, stop.size());
        }
        if (longest > 0) return text.substr(0, end - longest);
    }
    return text;
}

/// The longest end of `text` that begins a stop string: what has to be held back, and nothing more.
std::size_t must_hold(const std::vector<std::string>& stops, const std::string& text) {
    std::size_t longest = 0;
    for (const auto& stop : stops) {
        for (std::size_t n = 1; n < stop.size() && n <= text.size(); ++n) {
            if (text.compare(text.size() - n, n, stop, 0, n) == 0) longest = std::max(longest, n);
        }
    }
    return longest;
}

}  // namespace

TEST_CASE("a stop string is found over every split of the text", "[session][stop_strings]") {
    const std::vector<std::vector<std::string>> stop_lists{{"stop"}, {"ab", "abc"}, {"bcd", "abcde"}, {"aab"}, {"aaa"}, {"é"}, {"x", "yx"}, {}};
    const std::vector<std::string> texts{"go until stop here", "xabcdey", "aaaab", "aaXaaaa", "stostop", "caf\xC3\xA9s", "zyx", "sto", "", "aa"};
    for (const auto& stops : stop_lists) {
        for (const auto& text : texts) {
            const auto expected = definition(stops, text);
            for (std::size_t i = 0; i <= text.size(); ++i) {
                for (std::size_t k = i; k <= text.size(); ++k) {
                    StopStrings finder(stops);
                    std::string out(finder.feed(text.substr(0, i), false));
                    out += finder.feed(text.substr(i, k - i), false);
                    out += finder.feed(text.substr(k), true);
                    CAPTURE(stops, text, i, k);
                    REQUIRE(out == expected);
                    REQUIRE(finder.found() == (expected != text));
                }
            }
        }
    }
}

TEST_CASE("no more text is held back than could become a stop string", "[session][stop_strings]") {
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        const auto letters = [&](std::size_t n) {
            std::string s;
            for (std::size_t i = 0; i < n; ++i) s += static_cast<char>('a' + random() % 2);
            return s;
        };
        std::vector<std::string> stops;
        for (std::size_t i = 0; i < 1 + random() % 3; ++i) stops.push_back(letters(3 + random() % 6));
        const auto text = letters(30);
        StopStrings finder(stops);
        std::string out, read;
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t n = 1 + random() % 4;
            read += text.substr(i, n);
            out += finder.feed(text.substr(i, n), false);
            i += n;
            if (finder.found()) break;
            REQUIRE(out.size() == read.size() - must_hold(stops, read));
        }
        out += finder.feed("", true);
        CAPTURE(stops, text);
        REQUIRE(out == definition(stops, text));
    }
}

TEST_CASE("nothing follows a stop string", "[session][stop_strings]") {
    StopStrings finder({"END"});
    CHECK(finder.feed("one END two", false) == "one ");
    CHECK(finder.found());
    CHECK(finder.feed(" three", false).empty());
    CHECK(finder.feed("", true).empty());
}

TEST_CASE("stop strings that are empty or not UTF-8 are refused", "[session][stop_strings]") {
    CHECK(outcome_of([] { StopStrings({"fine", ""}); }).says("stop_strings"));
    CHECK(outcome_of([] { StopStrings({"\xC3"}); }).says("stop_strings"));
    CHECK(outcome_of([] { StopStrings({"\xA9x"}); }).says("stop_strings"));
}
