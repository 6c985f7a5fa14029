// More than one library in a process: this program holds the archive, and loads copies of the shared library.
#include <dlfcn.h>

#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;
namespace fs = std::filesystem;

namespace {

/// The functions of one loaded library.
class Library {
 public:
    explicit Library(const fs::path& path) : handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        INFO(path);
        REQUIRE(handle_ != nullptr);
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() { ::dlclose(handle_); }

    template <class Function>
    [[nodiscard]] Function* find(const char* name, Function*) const {
        INFO(name);
        void* found = ::dlsym(handle_, name);
        REQUIRE(found != nullptr);
        return reinterpret_cast<Function*>(found);
    }

 private:
    void* handle_;
};

#define RQ_OF(library, name) (library).find(#name, &(name))

/// A tale under way in one library; every call goes there.
class Teller {
 public:
    explicit Teller(const Library& library) : library_(library) {
        rq_source* source = nullptr;
        rq_model* model = nullptr;
        Err err;
        const std::string path = tale_folder().string();
        must(RQ_OF(library_, rq_source_create_path)(path.data(), path.size(), &source, &err), err);
        must(RQ_OF(library_, rq_model_open)(source, nullptr, &model, &err), err);
        RQ_OF(library_, rq_source_free)
        (source);
        must(RQ_OF(library_, rq_session_create)(model, nullptr, &session_, &err), err);
        RQ_OF(library_, rq_model_free)
        (model);
        const auto ids = prompt_ids("Once upon a time");
        must(RQ_OF(library_, rq_session_append)(session_, ids.data(), ids.size(), nullptr, 0, &err), err);
        must(RQ_OF(library_, rq_generation_create)(session_, nullptr, &generation_, &err), err);
    }
    Teller(const Teller&) = delete;
    Teller& operator=(const Teller&) = delete;
    ~Teller() {
        RQ_OF(library_, rq_generation_free)
        (generation_);
        RQ_OF(library_, rq_session_free)
        (session_);
    }

    void tell() {
        rq_piece piece = RQ_PIECE_INIT;
        Err err;
        must(RQ_OF(library_, rq_generation_next)(generation_, &piece, &err), err);
        text_.append(piece.text, piece.text_len);
    }

    [[nodiscard]] const std::string& text() const { return text_; }

 private:
    const Library& library_;
    rq_session* session_ = nullptr;
    rq_generation* generation_ = nullptr;
    std::string text_;
};

std::string told_by_the_archive(std::size_t tokens) {
    const auto session = session_on(tale());
    append(session.get(), prompt_ids("Once upon a time"));
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = tokens;
    return take_all(generate_on(session.get(), &options).get()).text;
}

}  // namespace

TEST_CASE("two copies of the shared library and the archive tell the same tale in one process, taking turns", "[capi][copies]") {
    const TempFolder folder;
    for (const char* name : {"one.so", "two.so"}) fs::copy_file(RQ_LIBRARY, folder / name);
    const Library one(folder / "one.so");
    const Library two(folder / "two.so");
    REQUIRE(RQ_OF(one, rq_version) != RQ_OF(two, rq_version));
    REQUIRE(RQ_OF(one, rq_version) != &rq_version);
    Teller first(one);
    Teller second(two);
    for (int i = 0; i < 25; ++i) {
        first.tell();
        second.tell();
    }
    const std::string expected = told_by_the_archive(25);
    REQUIRE(expected.size() > 25);
    CHECK(first.text() == expected);
    CHECK(second.text() == expected);
}

TEST_CASE("the library is loaded, used and unloaded a hundred times, and is gone each time", "[capi][copies]") {
    const TempFolder folder;
    const fs::path path = folder / "again.so";
    fs::copy_file(RQ_LIBRARY, path);
    const std::string expected = told_by_the_archive(2);
    for (int i = 0; i < 100; ++i) {
        {
            const Library library(path);
            Teller teller(library);
            teller.tell();
            teller.tell();
            REQUIRE(teller.text() == expected);
        }
        REQUIRE(::dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD) == nullptr);
    }
}
