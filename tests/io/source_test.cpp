#include "rorqual/source.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.hpp"
#include "io/regular_file.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::outcome_of;
using test::TempFolder;

namespace {

std::string text_of(const Source& source, const std::string& name) {
    return io::read_text(*source.file_set()->require(name, "the test"), 1 << 20);
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// A file descriptor of the test's own, closed at the end.
struct Opened {
    explicit Opened(const std::filesystem::path& path, int flags = O_RDONLY) : number(::open(path.c_str(), flags)) {}
    ~Opened() { ::close(number); }
    int number;
};

Source::ReadAt reader_of(std::string text) {
    return [text = std::move(text)](std::uint64_t offset, std::span<std::byte> out) {
        std::copy_n(bytes_of(text).data() + offset, out.size(), out.data());
        return true;
    };
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

}  // namespace

TEST_CASE("the same file reads the same from a folder, a descriptor, memory and a callback", "[io][source]") {
    const TempFolder folder;
    const std::string text = "{\"a\": 1}";
    const auto path = folder.write("config.json", text);
    const Opened opened(path);
    const Source sources[] = {
        Source::path(folder.path()),
        Source::path(path),
        Source::files().add_descriptor("config.json", opened.number),
        Source::files().add_memory("config.json", bytes_of(text)),
        Source::files().add_callback("config.json", text.size(), reader_of(text)),
    };
    for (const Source& source : sources) {
        CHECK(text_of(source, "config.json") == text);
        const auto file = source.file_set()->require("config.json", "the test");
        std::array<std::byte, 3> part{};
        file->read(2, part);
        CHECK(std::to_integer<char>(part[0]) == 'a');
        CHECK(outcome_of([&] { file->read(text.size() - 2, part); }).status == Status::corrupt);
        CHECK(outcome_of([&] { file->read(~std::uint64_t{0}, part); }).status == Status::corrupt);
        CHECK(outcome_of([&] { file->read(text.size(), {}); }).ok());
        CHECK(source.file_set()->find("other.json") == nullptr);
    }
}

TEST_CASE("files on disk and in memory are mapped, callbacks are not", "[io][source]") {
    const TempFolder folder;
    const std::string text = "0123456789";
    const auto path = folder.write("f", text);
    const Opened opened(path);
    CHECK(Source::path(path).file_set()->find("f")->mapped().size() == text.size());
    CHECK(Source::files().add_descriptor("f", opened.number, 3, 4).file_set()->find("f")->mapped().size() == 4);
    CHECK(Source::files().add_memory("f", bytes_of(text)).file_set()->find("f")->mapped().data() == bytes_of(text).data());
    CHECK(Source::files().add_callback("f", text.size(), reader_of(text)).file_set()->find("f")->mapped().empty());
}

TEST_CASE("a path to a file chooses it and finds its neighbours", "[io][source]") {
    const TempFolder folder;
    folder.write("model.safetensors", "m");
    folder.write("config.json", "c");
    const Source file = Source::path(folder / "model.safetensors");
    CHECK(file.file_set()->chosen() == "model.safetensors");
    CHECK(text_of(file, "config.json") == "c");
    CHECK(Source::path(folder.path()).file_set()->chosen().empty());
    CHECK(Source::path(folder.path() / "").file_set()->chosen().empty());
}

TEST_CASE("files of a folder may be symbolic links, as download caches keep them", "[io][source]") {
    const TempFolder folder;
    folder.write("blob", "content");
    std::filesystem::create_directory(folder / "snapshot");
    std::filesystem::create_symlink("../blob", folder / "snapshot/config.json");
    CHECK(text_of(Source::path(folder / "snapshot"), "config.json") == "content");
}

TEST_CASE("a path that leads nowhere is told by name when something is looked for", "[io][source]") {
    const TempFolder folder;
    const Source source = Source::path(folder / "absent");
    const auto outcome = outcome_of([&] { (void)source.file_set()->find("config.json"); });
    CHECK(outcome.status == Status::not_found);
    CHECK(outcome.line == (folder / "absent").string() + ": no such file or folder");
    CHECK(outcome_of([] { (void)Source::path(""); }).status == Status::invalid_argument);
}

TEST_CASE("a required file that is missing is told with its purpose", "[io][source]") {
    const TempFolder folder;
    const Source source = Source::path(folder.path());
    const auto outcome = outcome_of([&] { (void)source.file_set()->require("config.json", "the model's form"); });
    CHECK(outcome.status == Status::not_found);
    CHECK(outcome.line == folder.path().string() + ": config.json is missing, needed for the model's form");
}

TEST_CASE("a file is opened once and shared while somebody holds it", "[io][source]") {
    const TempFolder folder;
    folder.write("f", "x");
    const Source source = Source::path(folder.path());
    const auto first = source.file_set()->find("f");
    CHECK(Source(source).file_set()->find("f") == first);
}

TEST_CASE("no name reaches beyond its folder", "[io][source][hostile]") {
    const TempFolder folder;
    folder.write("secret", "s");
    std::filesystem::create_directory(folder / "model");
    const Source sources[] = {Source::path(folder / "model"), Source::files()};
    const auto name = GENERATE(values<std::string>(
        {"", ".", "..", "../secret", "/etc/passwd", "a/b", "a\\b", "..\\secret", std::string("a\0b", 3), "/", "./secret"}));
    CAPTURE(name);
    for (Source source : sources) {
        CHECK(outcome_of([&] { (void)source.file_set()->find(name); }).status == Status::invalid_argument);
    }
    CHECK(outcome_of([&] { Source::files().add_memory(name, {}); }).status == Status::invalid_argument);
    CHECK(outcome_of([&] { Source::files().add_callback(name, 0, reader_of("")); }).status == Status::invalid_argument);
    CHECK(outcome_of([&] { Source::files().add_descriptor(name, 0); }).status == Status::invalid_argument);
}

TEST_CASE("what is no regular file is refused at once, and a pipe holds nobody up", "[io][source][hostile]") {
    const TempFolder folder;
    std::filesystem::create_directory(folder / "config.json");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    std::filesystem::create_symlink("/dev/zero", folder / "device");
    std::filesystem::create_symlink("loop", folder / "loop");
    const Source source = Source::path(folder.path());
    for (const char* name : {"config.json", "pipe", "device", "loop"}) {
        const auto outcome = outcome_of([&] { (void)source.file_set()->find(name); });
        CAPTURE(name);
        CHECK(outcome.status == Status::io);
        CHECK(outcome.says((folder / name).string()));
    }
    CHECK(outcome_of([&] { (void)source.file_set()->find(std::string(5000, 'x')); }).status == Status::io);
}

TEST_CASE("a pipe's descriptor is refused with a clear error", "[io][source][hostile]") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto outcome = outcome_of([&] { Source::files().add_descriptor("model.safetensors", ends[0]); });
    CHECK(outcome.status == Status::io);
    CHECK(outcome.line == "model.safetensors: not a regular file (a folder, pipe, socket or device)");
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a descriptor is duplicated: the caller may close its own at once", "[io][source]") {
    const TempFolder folder;
    const auto path = folder.write("f", "content");
    Source source = Source::files();
    {
        const Opened opened(path);
        source.add_descriptor("f", opened.number);
    }
    CHECK(text_of(source, "f") == "content");
}

TEST_CASE("a descriptor's range may begin at any byte, mapped or not", "[io][source]") {
    const TempFolder folder;
    std::string text;
    for (int i = 0; i < 20000; ++i) text += static_cast<char>('a' + i % 23);
    const auto path = folder.write("f", text);
    const Opened opened(path);
    const std::uint64_t offset = GENERATE(0, 1, 4095, 4096, 4097, 8192, 19999, 20000);
    const std::uint64_t length = GENERATE(0, 1, 777, 8192);
    if (offset + length > text.size()) return;
    CAPTURE(offset, length);
    const std::string expected = text.substr(offset, length != 0 ? length : std::string::npos);
    for (const auto open : {io::open_regular_file, io::open_unmapped_file}) {
        const auto file = open(io::Descriptor::duplicate(opened.number, "f"), "f", offset, length);
        CHECK(file->size() == expected.size());
        CHECK(io::read_text(*file, expected.size()) == expected);
    }
}

TEST_CASE("a range beyond the end of a descriptor is refused", "[io][source][hostile]") {
    const TempFolder folder;
    const auto path = folder.write("f", "0123456789");
    const Opened opened(path);
    struct Case {
        std::uint64_t offset, length;
    };
    constexpr std::uint64_t most = ~std::uint64_t{0};
    const auto c = GENERATE(values<Case>({{11, 0}, {0, 11}, {10, 1}, {5, 6}, {most, 0}, {most, most}, {1, most}, {most, 1}, {std::uint64_t{1} << 63, std::uint64_t{1} << 63}}));
    CAPTURE(c.offset, c.length);
    CHECK(outcome_of([&] { Source::files().add_descriptor("f", opened.number, c.offset, c.length); }).status ==
          Status::invalid_argument);
}

TEST_CASE("descriptors that are closed or only for writing are refused", "[io][source][hostile]") {
    const TempFolder folder;
    const Opened writing(folder.write("f", "x"), O_WRONLY);
    CHECK(outcome_of([&] { Source::files().add_descriptor("f", writing.number); }).line ==
          "f: descriptor is not open for reading");
    CHECK(outcome_of([] { Source::files().add_descriptor("f", -1); }).line == "f: descriptor -1 is not open");
}

TEST_CASE("sources close every descriptor they opened", "[io][source]") {
    const TempFolder folder;
    const auto path = folder.write("f", "content");
    const Opened opened(path);
    const std::size_t before = open_descriptors();
    {
        const Source source = Source::files().add_descriptor("f", opened.number).add_descriptor("g", opened.number, 7);
        const auto unmapped = io::open_unmapped_file(io::Descriptor::duplicate(opened.number, "f"), "f");
        CHECK(open_descriptors() > before);
        (void)outcome_of([&] { Source::files().add_descriptor("h", opened.number, 99); });
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("an empty file is a file", "[io][source]") {
    const TempFolder folder;
    folder.write("f", "");
    CHECK(text_of(Source::path(folder.path()), "f").empty());
    CHECK(text_of(Source::files().add_memory("f", {}), "f").empty());
}

TEST_CASE("a file that became shorter while it was read is told, not endless", "[io][source][hostile]") {
    const TempFolder folder;
    const auto path = folder.write("f", "0123456789");
    const Opened opened(path);
    const auto file = io::open_unmapped_file(io::Descriptor::duplicate(opened.number, "f"), "f");
    std::filesystem::resize_file(path, 4);
    CHECK(outcome_of([&] { (void)io::read_text(*file, 100); }).line == "f: became shorter while it was read");
}

TEST_CASE("a callback that fails or throws is told as the callback's failure", "[io][source][hostile]") {
    const std::string line = "f: the caller's callback could not read 4 bytes at byte 0";
    const Source refusing = Source::files().add_callback("f", 4, [](auto, auto) { return false; });
    const Source throwing = Source::files().add_callback("f", 4, [](auto, auto) -> bool { throw std::runtime_error("x"); });
    for (const Source& source : {refusing, throwing}) {
        const auto outcome = outcome_of([&] { (void)text_of(source, "f"); });
        CHECK(outcome.status == Status::callback);
        CHECK(outcome.line == line);
    }
    CHECK(outcome_of([] { Source::files().add_callback("f", 4, nullptr); }).status == Status::invalid_argument);
}

TEST_CASE("a name can be given once, and only to a source of named files", "[io][source]") {
    Source source = Source::files();
    source.add_memory("f", {});
    CHECK(outcome_of([&] { source.add_memory("f", {}); }).line == "file name \"f\" is given twice");
    const TempFolder folder;
    CHECK(outcome_of([&] { Source::path(folder.path()).add_memory("f", {}); }).status == Status::invalid_argument);
}

TEST_CASE("text beyond its limit is refused before memory is taken", "[io]") {
    const Source source = Source::files().add_callback("f", ~std::uint64_t{0}, [](auto, auto) { return true; });
    const auto outcome = outcome_of([&] { (void)io::read_text(*source.file_set()->find("f"), 1 << 20); });
    CHECK(outcome.status == Status::corrupt);
    CHECK(outcome.line == "f: 18446744073709551615 bytes, expected at most 1048576");
}
