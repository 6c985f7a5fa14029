#include "session/saved_timeline.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "io/file.hpp"
#include "io/hash.hpp"
#include "io/printable.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "rorqual/error.hpp"

namespace rorqual::session {
namespace {

using Metadata = std::map<std::string, std::string>;
using Tensor = io::SafetensorsWriter::Tensor;

constexpr const char* default_name = "session.safetensors";  // in a source of several files
constexpr const char* format_key = "rorqual.session";
constexpr const char* version = "1";
constexpr const char* checksum_name = "xxh3";
constexpr std::int64_t checksum_size = 32;

std::string layer_name(std::size_t layer) { return "layers." + std::to_string(layer); }

const char* name_of(CacheFormat format) {
    constexpr std::array names = {"f32", "bf16", "int8", "automatic", "compact"};
    return names[static_cast<std::size_t>(format)];
}

/// What has to be the same in the session that loads, for the same bits to come next.
Metadata belongs_to(const Timeline& timeline) {
    const SessionOptions& options = timeline.options();
    return {{"model", timeline.model()->identity()},
            {"mode", options.mode == Mode::fast ? "fast" : options.reproducible ? "exact"
                                                                                : "exact, relaxed"},
            {"cache", name_of(options.cache)}};
}

std::span<const std::byte> bytes_of(const auto& values) { return std::as_bytes(std::span(values)); }

std::uint64_t saved_bytes(const layers::LayerState& state) {
    std::uint64_t bytes = 0;
    state.save([&](std::span<const std::byte> part) { bytes += part.size(); });
    return bytes;
}

/// Reads one tensor after another and hashes what it reads.
class Reader {
 public:
    explicit Reader(std::shared_ptr<const io::File> file) : file_(std::move(file)), header_(io::Safetensors::read_header(file_)) {
        std::uint64_t data = file_->size();
        for (const auto& tensor : header_.tensors) data = std::min(data, tensor.offset);
        std::string text(static_cast<std::size_t>(data), '\0');
        file_->read(0, std::as_writable_bytes(std::span(text)));
        hash.text(text);
    }

    [[nodiscard]] const Metadata& metadata() const noexcept { return header_.metadata; }
    /// Begins a tensor; returns its bytes.
    std::uint64_t begin(const std::string& name) {
        const auto at = find(name);
        if (at == header_.tensors.end()) refuse("no tensor " + name);
        name_ = name, offset_ = at->offset, left_ = at->bytes;
        ++begun_;
        return left_;
    }
    /// Bytes of a tensor; nothing where there is none.
    [[nodiscard]] std::optional<std::uint64_t> bytes(const std::string& name) const {
        const auto at = find(name);
        return at == header_.tensors.end() ? std::nullopt : std::optional(at->bytes);
    }
    /// Every tensor was one of those that were asked for.
    void end_file() const {
        if (begun_ != header_.tensors.size()) refuse("it holds tensors that are none of a saved session");
    }
    void read(std::span<std::byte> out) {
        if (out.size() > left_) refuse("tensor " + name_ + " is too short");
        file_->read(offset_, out);
        hash.bytes(out);
        offset_ += out.size(), left_ -= out.size();
    }
    /// A tensor that is not needed here, if it is there: its bytes count for the hash.
    void skip(const std::string& name) {
        if (!bytes(name)) return;
        std::array<std::byte, 4096> some;
        for (begin(name); left_ > 0;) read(std::span(some).first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, some.size()))));
    }
    void end() const {
        if (left_ != 0) refuse("tensor " + name_ + " is longer than what it holds");
    }
    /// A whole tensor, of so many values at most.
    template <class T>
    std::vector<T> values(const std::string& name, std::uint64_t most) {
        const auto bytes = begin(name);
        if (bytes % sizeof(T) != 0 || bytes / sizeof(T) > most) refuse("tensor " + name + " has " + std::to_string(bytes) + " bytes, expected at most " + std::to_string(most * sizeof(T)));
        std::vector<T> values(static_cast<std::size_t>(bytes / sizeof(T)));
        read(std::as_writable_bytes(std::span(values)));
        return values;
    }
    [[noreturn]] void refuse(const std::string& what, Status status = Status::corrupt) const { throw Error(status, file_->name() + ": " + what); }

    io::Hash hash;

 private:
    [[nodiscard]] std::vector<io::TensorInfo>::const_iterator find(const std::string& name) const { return std::ranges::find(header_.tensors, name, &io::TensorInfo::name); }

    std::shared_ptr<const io::File> file_;
    io::Safetensors header_;
    std::string name_;
    std::uint64_t offset_ = 0, left_ = 0;
    std::size_t begun_ = 0;
};

void check_belongs(const Reader& reader, const Timeline& timeline) {
    const Metadata& metadata = reader.metadata();
    const auto is = [&](const std::string& key) { return metadata.contains(key) ? metadata.at(key) : std::string(); };
    if (is("format") != format_key) reader.refuse("no saved session");
    if (is("version") != version) reader.refuse("version " + io::printable(is("version")) + " of saved sessions, expected " + version, Status::unsupported);
    for (const auto& [key, expected] : belongs_to(timeline)) {
        if (is(key) == expected) continue;
        reader.refuse("saved with " + key + " " + io::printable(is(key)) + ", this session has " + expected, Status::invalid_argument);
    }
}

void load_state(Reader& reader, const std::string& name, layers::LayerState& state, std::size_t position) {
    reader.begin(name);
    state.load(static_cast<std::int64_t>(position), [&](std::span<std::byte> out) { reader.read(out); });
    reader.end();
}

/// A number in the metadata.
std::size_t count_of(const Reader& reader, const std::string& key, std::size_t most) {
    std::size_t count = 0;
    if (const auto at = reader.metadata().find(key); at != reader.metadata().end()) {
        const auto* const end = at->second.data() + at->second.size();
        const auto [stopped, error] = std::from_chars(at->second.data(), end, count);
        if (error == std::errc() && stopped == end && count <= most) return count;
    }
    reader.refuse("metadata " + key + ": expected a number up to " + std::to_string(most));
}

DraftFollower::Place load_draft(Reader& reader, const Timeline& timeline, std::size_t evaluated) {
    if (!reader.bytes("draft")) reader.refuse("saved without what the draft head remembers, which this session has", Status::invalid_argument);
    DraftFollower::Place place{timeline.new_draft_state(), count_of(reader, "drafted", evaluated), {}};
    load_state(reader, "draft", *place.state, place.position);
    const auto width = static_cast<std::size_t>(timeline.model()->parts().network->hidden_width()), rows = 1 + static_cast<std::size_t>(timeline.options().draft_tokens);
    place.waiting = reader.values<float>("draft.waiting", rows * width);
    if (place.waiting.size() != (evaluated - place.position) * width) reader.refuse("tensor draft.waiting: expected a row for each token that waits");
    return place;
}

std::shared_ptr<const io::File> file_of(const Source& source) {
    auto& files = *source.file_set();
    return files.require(files.chosen().empty() ? default_name : files.chosen(), "a saved session");
}

}  // namespace

void save(const Timeline& timeline, const std::filesystem::path& path) {
    const auto contents = timeline.contents();
    const auto& states = *contents.states;
    Metadata metadata = belongs_to(timeline);
    metadata.insert({{"format", format_key}, {"version", version}, {"evaluated", std::to_string(contents.evaluated)}});

    std::vector<Tensor> tensors = {{"tokens", DType::i32, {static_cast<std::int64_t>(contents.tokens.size())}}};
    const auto announce = [&](std::string name, std::uint64_t bytes) { tensors.push_back({std::move(name), DType::u8, {static_cast<std::int64_t>(bytes)}}); };
    for (std::size_t layer = 0; layer < states.size(); ++layer) announce(layer_name(layer), saved_bytes(*states[layer]));
    std::vector<float> waiting;
    if (contents.draft != nullptr) {
        metadata.insert({"drafted", std::to_string(contents.draft->position())});
        announce("draft", saved_bytes(contents.draft->state()));
        waiting = contents.draft->waiting();
        tensors.push_back({"draft.waiting", DType::f32, {static_cast<std::int64_t>(waiting.size())}});
    }
    tensors.push_back({"logits", DType::f32, {static_cast<std::int64_t>(contents.logits.size())}});
    announce(checksum_name, checksum_size);

    io::SafetensorsWriter file(path, metadata, tensors);
    io::Hash hash;
    hash.text(file.header());
    const auto write = [&](std::span<const std::byte> bytes) {
        hash.bytes(bytes);
        file.write(bytes);
    };
    write(bytes_of(contents.tokens));
    for (const auto& state : states) state->save(write);
    if (contents.draft != nullptr) {
        contents.draft->state().save(write);
        write(bytes_of(waiting));
    }
    write(bytes_of(contents.logits));
    file.write(bytes_of(hash.hexadecimal()));
    file.commit();
}

void load(Timeline& timeline, const Source& source) {
    Reader reader(file_of(source));
    check_belongs(reader, timeline);
    if (const auto bytes = reader.bytes("tokens").value_or(0); bytes / sizeof(Token) > timeline.capacity()) {
        reader.refuse(std::to_string(bytes / sizeof(Token)) + " tokens, this session has room for " + std::to_string(timeline.capacity()), Status::context_full);
    }
    Timeline::Loaded loaded{reader.values<Token>("tokens", timeline.capacity()), timeline.new_states(), 0, {}, {}};
    loaded.evaluated = count_of(reader, "evaluated", loaded.tokens.size());
    for (std::size_t layer = 0; layer < loaded.states.size(); ++layer) load_state(reader, layer_name(layer), *loaded.states[layer], loaded.evaluated);
    if (timeline.drafts()) {
        loaded.draft = load_draft(reader, timeline, loaded.evaluated);
    } else {
        for (const char* const name : {"draft", "draft.waiting"}) reader.skip(name);
    }
    const auto vocab = static_cast<std::size_t>(timeline.model()->geometry().vocab_size);
    loaded.logits = reader.values<float>("logits", vocab);
    const std::string expected = reader.hash.hexadecimal();
    const auto stored = reader.values<char>(checksum_name, checksum_size);
    if (!std::ranges::equal(stored, expected)) reader.refuse("damaged: its checksum is another");
    reader.end_file();
    if (loaded.logits.size() != vocab && !loaded.logits.empty()) reader.refuse("tensor logits has " + std::to_string(loaded.logits.size()) + " values, expected none or " + std::to_string(vocab));
    for (const Token token : loaded.tokens) {
        if (token < 0 || static_cast<std::size_t>(token) >= vocab) reader.refuse("tensor tokens: " + std::to_string(token) + ", expected ids below " + std::to_string(vocab));
    }
    timeline.replace(std::move(loaded));
}

}  // namespace rorqual::session
