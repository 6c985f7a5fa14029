#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

#include "text/bpe.hpp"
#include "text/rank_queue.hpp"

namespace rorqual::text {
namespace {

// A vocabulary of all bytes, and merges of which each joins two tokens that exist already, in any order of ranks.
struct Merges {
    explicit Merges(unsigned seed, std::size_t letters, std::size_t count, bool shuffled) {
        std::mt19937 draw(seed);
        for (int byte = 0; byte < 256; ++byte) {
            const char text = static_cast<char>(byte);
            REQUIRE(vocabulary.define_bytes(byte, {&text, 1}));
            bytes[byte] = byte;
            if (byte >= 'a' && byte < static_cast<int>('a' + letters)) known.push_back(byte);
        }
        Token next = 256;
        for (std::size_t i = 0; i < 20 * count && list.size() < count; ++i) {
            const Token left = known[draw() % known.size()];
            const Token right = known[draw() % known.size()];
            const std::string joined = std::string(vocabulary.bytes(left)) + std::string(vocabulary.bytes(right));
            auto merged = vocabulary.find_bytes(joined);
            if (!merged && joined.size() < 40) {
                REQUIRE(vocabulary.define_bytes(next, joined));
                known.push_back(next);
                merged = next++;
            }
            if (merged) list.push_back({left, right, *merged});
        }
        if (shuffled) std::shuffle(list.begin(), list.end(), draw);
    }

    Vocabulary vocabulary{2000, 2000, 80'000};
    std::array<Token, 256> bytes{};
    std::vector<Token> known;
    std::vector<Merge> list;
};

// The definition, word for word: merge the pair of lowest rank, the leftmost first, until none is in the list.
std::vector<Token> merged_by_definition(const Merges& merges, std::string_view piece) {
    std::map<std::pair<Token, Token>, std::size_t> ranks;
    for (std::size_t rank = 0; rank < merges.list.size(); ++rank) ranks[{merges.list[rank].left, merges.list[rank].right}] = rank;
    std::vector<Token> tokens;
    for (const char byte : piece) tokens.push_back(merges.bytes[static_cast<unsigned char>(byte)]);
    for (;;) {
        std::size_t lowest = merges.list.size(), at = 0;
        for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
            const auto found = ranks.find({tokens[i], tokens[i + 1]});
            if (found != ranks.end() && found->second < lowest) lowest = found->second, at = i;
        }
        if (lowest == merges.list.size()) return tokens;
        tokens[at] = merges.list[lowest].merged;
        tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
}

TEST_CASE("merging gives what its definition gives, for short and long pieces and any order of ranks", "[text][bpe]") {
    const bool shuffled = GENERATE(false, true);
    std::mt19937 draw(21);
    for (unsigned seed = 0; seed < 12; ++seed) {
        const std::size_t letters = 1 + seed % 4;
        const Merges merges(seed, letters, 60, shuffled);
        const Bpe bpe(merges.vocabulary, merges.bytes, merges.list, false);
        Bpe::Encoder encoder(bpe, 1 << 16);
        for (std::size_t length : {1, 2, 3, 7, 8, 15, 16, 17, 39, 40, 41, 42, 64, 300}) {
            for (int round = 0; round < 12; ++round) {
                std::string piece(length, ' ');
                for (char& c : piece) c = static_cast<char>('a' + draw() % letters);
                std::vector<Token> tokens;
                encoder.encode(piece, tokens);
                CAPTURE(seed, piece);
                CHECK(tokens == merged_by_definition(merges, piece));
                // Once more, from what the encoder remembers.
                std::vector<Token> again;
                encoder.encode(piece, again);
                CHECK(again == tokens);
            }
        }
    }
}

TEST_CASE("a long run of one letter is merged in time that grows with its length", "[text][bpe][hostile]") {
    // A quadratic algorithm would need 10^12 steps here.
    const Merges merges(1, 1, 5, false);
    const Bpe bpe(merges.vocabulary, merges.bytes, merges.list, false);
    std::vector<Token> tokens;
    Bpe::Encoder(bpe, 1).encode(std::string(1'000'000, 'a'), tokens);
    std::size_t bytes = 0;
    for (const Token token : tokens) bytes += merges.vocabulary.bytes(token).size();
    CHECK(bytes == 1'000'000);
    CHECK(tokens.size() < 1'000'000);
}

TEST_CASE("special tokens are never made of spelled text, neither by merging nor as whole words", "[text][bpe]") {
    Merges merges(2, 2, 0, false);
    REQUIRE(merges.vocabulary.define_bytes(300, "ab"));
    REQUIRE(merges.vocabulary.define_bytes(301, "abb"));
    merges.list = {{'a', 'b', 300}, {300, 'b', 301}};
    const bool whole_words = GENERATE(false, true);
    const auto encode = [&](std::string_view piece) {
        const Bpe bpe(merges.vocabulary, merges.bytes, merges.list, whole_words);
        std::vector<Token> tokens;
        Bpe::Encoder(bpe, 1).encode(piece, tokens);
        return tokens;
    };
    CHECK(encode("abb") == std::vector<Token>{301});
    REQUIRE(merges.vocabulary.define_added(301, "abb", true));
    CHECK(encode("abb") == std::vector<Token>{300, 'b'});
    REQUIRE(merges.vocabulary.define_added(300, "ab", true));
    CHECK(encode("abb") == std::vector<Token>{'a', 'b', 'b'});
}

TEST_CASE("a piece that is an entry is that token where whole words come first, and only there", "[text][bpe]") {
    Merges merges(2, 2, 0, false);
    REQUIRE(merges.vocabulary.define_bytes(300, "bab"));
    const auto encode = [&](bool whole_words) {
        const Bpe bpe(merges.vocabulary, merges.bytes, merges.list, whole_words);
        std::vector<Token> tokens;
        Bpe::Encoder(bpe, 1).encode("bab", tokens);
        return tokens;
    };
    CHECK(encode(true) == std::vector<Token>{300});
    CHECK(encode(false) == std::vector<Token>{'b', 'a', 'b'});
}

TEST_CASE("a vocabulary takes every id and every text once", "[text][bpe]") {
    Vocabulary vocabulary(8, 100, 20);
    CHECK(vocabulary.define_bytes(5, "five"));
    CHECK_FALSE(vocabulary.define_bytes(5, "other"));
    CHECK_FALSE(vocabulary.define_bytes(6, "five"));
    CHECK_FALSE(vocabulary.define_bytes(-1, "x"));
    CHECK_FALSE(vocabulary.define_bytes(100, "x"));
    CHECK_FALSE(vocabulary.define_bytes(7, "longer than there is room for"));
    CHECK(vocabulary.define_added(5, "five", true));
    CHECK_FALSE(vocabulary.define_added(5, "six", true));
    CHECK(vocabulary.define_added(9, "nine", false));
    CHECK_FALSE(vocabulary.define_added(10, "nine", false));
    CHECK(vocabulary.size() == 10);
    CHECK(vocabulary.find("five") == 5);
    CHECK(vocabulary.find_bytes("nine") == std::nullopt);
    CHECK(vocabulary.bytes(6).empty());
}

TEST_CASE("the queue of pairs gives the lowest rank first and the leftmost place of it", "[text][bpe]") {
    std::mt19937 draw(8);
    RankQueue queue;
    std::set<std::pair<std::uint32_t, std::uint32_t>> reference;
    for (int step = 0; step < 20'000; ++step) {
        if (draw() % 5 < 3) {
            const RankQueue::Pair pair{static_cast<std::uint32_t>(draw() % 12), static_cast<std::uint32_t>(draw() % 4000)};
            if (reference.emplace(pair.rank, pair.place).second) queue.push(pair);
        } else if (const auto pair = queue.pop()) {
            REQUIRE(std::pair(pair->rank, pair->place) == *reference.begin());
            reference.erase(reference.begin());
        } else {
            REQUIRE(reference.empty());
        }
    }
}

}  // namespace
}  // namespace rorqual::text
