#include <catch2/catch.hpp>

#include "cli/program.hpp"

using namespace rorqual::test;

TEST_CASE("both hello programs print the prompt and what follows, the same text", "[cli][hello]") {
    const auto c = Program({RQ_HELLO_C, tale.string(), "There was once a king"}).wait();
    const auto cpp = Program({RQ_HELLO_CPP, tale.string(), "There was once a king"}).wait();
    CHECK(c.status == 0);
    CHECK(cpp.status == 0);
    CHECK(c.out.starts_with("There was once a king"));
    CHECK(c.out.size() > 100);
    CHECK(c.out == cpp.out);
    CHECK(c.err.empty());
    CHECK(cpp.err.empty());
}

TEST_CASE("both hello programs say what is missing", "[cli][hello]") {
    for (const char* hello : {RQ_HELLO_C, RQ_HELLO_CPP}) {
        CAPTURE(hello);
        CHECK(Program({hello}).wait().status == 2);
        const auto ran = Program({hello, "/nowhere/model"}).wait();
        CHECK(ran.status == 1);
        CHECK(ran.err.find("/nowhere/model") != std::string::npos);
    }
}

TEST_CASE("both chat programs give the same answers for the same seed, and others for another", "[cli][hello]") {
    constexpr std::string_view said = "Tell of a \"king\"\tand a \\ road\nAnd then?\n";
    const auto answers = [&](const char* chat, const char* seed) {
        const auto ran = Program({chat, tale.string(), "v2", seed}, said).wait();
        CHECK(ran.status == 0);
        CHECK(ran.err.empty());
        return ran.out;
    };
    const auto c = answers(RQ_CHAT_C, "7");
    CHECK(c.size() > 20);
    CHECK(c == answers(RQ_CHAT_CPP, "7"));
    CHECK(c != answers(RQ_CHAT_C, "8"));
}

TEST_CASE("both chat programs say what is missing", "[cli][hello]") {
    for (const char* chat : {RQ_CHAT_C, RQ_CHAT_CPP}) {
        CAPTURE(chat);
        CHECK(Program({chat}).wait().status == 2);
        const auto ran = Program({chat, "/nowhere/model"}).wait();
        CHECK(ran.status == 1);
        CHECK(ran.err.find("/nowhere/model") != std::string::npos);
    }
}
