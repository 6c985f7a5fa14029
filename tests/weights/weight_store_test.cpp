#include "weights/weight_store.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>

#include "io/json.hpp"
#include "quant/half.hpp"
#include "rorqual/source.hpp"
#include "support/golden.hpp"
#include "support/outcome.hpp"
#include "support/safetensors_writer.hpp"
#include "support/temp_folder.hpp"
#include "weights/load_all.hpp"

using namespace rorqual;
using test::load_all;
using test::outcome_of;
using test::SafetensorsWriter;
using test::TempFolder;
using weights::Problems;
using weights::TensorTable;
using weights::WeightStore;

namespace {

using Bytes = std::vector<std::byte>;

const std::vector<float> matrix_values = {1, 2, 3, 4, 5, 6};
const std::vector<float> norm_values = {0.5F, -1, 2};

// What a tiny family would expect: one matrix, one vector.
struct TinyModel {
    WeightView matrix;
    std::vector<float> norm;
    TensorTable table;

    TinyModel() {
        table.matrix("a.weight", 2, 3, matrix);
        table.vector("norm.weight", 3, norm);
        table.ignore("inv_freq");
    }
};

SafetensorsWriter tiny_writer() {
    SafetensorsWriter writer;
    writer.add("odd", DType::u8, {1}, Bytes(1));  // pushes the others off any alignment
    writer.add("a.weight", {2, 3}, matrix_values);
    writer.add_bf16("norm.weight", {3}, norm_values);
    return writer;
}

Bytes tiny_file() {
    SafetensorsWriter writer;
    writer.add("rope.inv_freq", DType::u8, {1}, Bytes(1));
    writer.add("a.weight", {2, 3}, matrix_values);
    writer.add_bf16("norm.weight", {3}, norm_values);
    return writer.file();
}

std::vector<float> floats(const WeightView& view) {
    std::vector<float> values(static_cast<std::size_t>(view.bytes()) / sizeof(float));
    std::memcpy(values.data(), view.data, static_cast<std::size_t>(view.bytes()));
    return values;
}

// What opening a source and checking it against the tiny model finds wrong.
std::vector<std::string> problems_of(const Source& source) {
    Problems problems;
    const WeightStore store = WeightStore::open(*source.file_set(), problems);
    store.check(TinyModel().table, problems);
    return problems.lines();
}

Source in_memory(const Bytes& file) { return Source::files().add_memory("model.safetensors", file); }

std::vector<std::string> problems_of(const SafetensorsWriter& writer) {
    const Bytes file = writer.file();
    return problems_of(in_memory(file));
}

using Lines = std::vector<std::string>;

// Counts what is taken and given back, and the alignment asked for.
class CountingMemory : public std::pmr::memory_resource {
 public:
    std::size_t held = 0;
    std::size_t taken = 0;
    std::size_t alignment = 0;
    std::size_t limit = SIZE_MAX;

 private:
    void* do_allocate(std::size_t bytes, std::size_t align) override {
        if (bytes > limit - taken) throw std::bad_alloc();
        void* at = std::pmr::new_delete_resource()->allocate(bytes, align);
        held += bytes;
        taken += bytes;
        alignment = align;
        return at;
    }
    void do_deallocate(void* at, std::size_t bytes, std::size_t align) override {
        held -= bytes;
        std::pmr::new_delete_resource()->deallocate(at, bytes, align);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

// A file behind a callback that fails at the n-th read.
Source::ReadAt failing_at(const Bytes& file, int n) {
    return [&file, n, count = 0](std::uint64_t offset, std::span<std::byte> out) mutable {
        if (count++ == n) return false;
        std::copy_n(file.data() + offset, out.size(), out.data());
        return true;
    };
}

// A checkpoint of two shards with its index.
struct Shards {
    SafetensorsWriter first, second;
    nlohmann::json index;
    TempFolder folder;

    Shards() {
        first.add("a.weight", {2, 3}, matrix_values);
        second.add("norm.weight", {3}, norm_values);
        index["metadata"]["total_size"] = 36;
        index["weight_map"] = {{"a.weight", "model-1.safetensors"}, {"norm.weight", "model-2.safetensors"}};
    }
    [[nodiscard]] Source source() const {
        folder.write("model-1.safetensors", first.file());
        folder.write("model-2.safetensors", second.file());
        folder.write("model.safetensors.index.json", index.dump());
        return Source::path(folder.path());
    }
    [[nodiscard]] std::string path(const std::string& name) const { return (folder / name).string(); }
};

}  // namespace

TEST_CASE("a mapped checkpoint is used where it lies; only vectors are copied", "[weights]") {
    const Bytes file = tiny_file();
    const Source source = in_memory(file);
    Problems problems;
    TinyModel model;
    WeightStore store = WeightStore::open(*source.file_set(), problems);
    store.check(model.table, problems);
    CHECK(problems.lines().empty());
    CHECK(store.bytes(model.table).total == 30);
    CHECK(store.bytes(model.table).mapped == 24);

    CountingMemory memory;
    load_all(store, model.table, memory);
    CHECK(memory.taken == 0);
    CHECK(model.matrix.data > file.data());
    CHECK(model.matrix.data < file.data() + file.size());
    CHECK(model.matrix.dtype == DType::f32);
    CHECK(model.matrix.rows == 2);
    CHECK(model.matrix.cols == 3);
    CHECK(floats(model.matrix) == matrix_values);
    CHECK(model.norm == norm_values);
}

TEST_CASE("a checkpoint behind callbacks is copied into the given memory, aligned, and given back", "[weights]") {
    const Bytes file = tiny_file();
    CountingMemory memory;
    {
        const Source source = Source::files().add_callback("model.safetensors", file.size(), failing_at(file, -1));
        Problems problems;
        TinyModel model;
        WeightStore store = WeightStore::open(*source.file_set(), problems);
        store.check(model.table, problems);
        CHECK(problems.lines().empty());
        CHECK(store.bytes(model.table).total == 30);
        CHECK(store.bytes(model.table).mapped == 0);
        load_all(store, model.table, memory);
        CHECK(memory.held == 24);
        CHECK(memory.alignment == 64);

        const WeightStore moved = std::move(store);
        CHECK(memory.held == 24);
        CHECK(floats(model.matrix) == matrix_values);
        CHECK(model.norm == norm_values);
    }
    CHECK(memory.held == 0);
}

TEST_CASE("views outlive the source they came from", "[weights]") {
    const TempFolder folder;
    folder.write("model.safetensors", tiny_file());
    TinyModel model;
    Problems problems;
    WeightStore store = [&] {
        const Source source = Source::path(folder.path());
        return WeightStore::open(*source.file_set(), problems);
    }();
    load_all(store, model.table, *std::pmr::null_memory_resource());
    CHECK(floats(model.matrix) == matrix_values);
}

TEST_CASE("vectors are converted from every plain float format", "[weights]") {
    const DType dtype = GENERATE(DType::f32, DType::f16, DType::bf16);
    std::vector<std::uint16_t> half;
    for (const float value : norm_values) {
        half.push_back(dtype == DType::f16 ? quant::f16_from_f32(value) : quant::bf16_from_f32(value));
    }
    SafetensorsWriter writer;
    writer.add("norm.weight", dtype, {3},
               dtype == DType::f32 ? std::as_bytes(std::span(norm_values)) : std::as_bytes(std::span(half)));
    const Bytes file = writer.file();
    const Source sources[] = {in_memory(file), Source::files().add_callback("model.safetensors", file.size(), failing_at(file, -1))};
    for (const Source& source : sources) {
        std::vector<float> norm;
        TensorTable table;
        table.vector("norm.weight", 3, norm);
        Problems problems;
        WeightStore store = WeightStore::open(*source.file_set(), problems);
        store.check(table, problems);
        load_all(store, table, *std::pmr::new_delete_resource());
        CHECK(problems.empty());
        CHECK(norm == norm_values);
    }
}

TEST_CASE("a tensor that two places share is counted and copied once", "[weights]") {
    CountingMemory memory;
    const Bytes file = tiny_file();
    const Source source = Source::files().add_callback("model.safetensors", file.size(), failing_at(file, -1));
    WeightView embedding, head;
    TensorTable table;
    table.matrix("a.weight", 2, 3, embedding);
    table.matrix("a.weight", 2, 3, head);
    Problems problems;
    WeightStore store = WeightStore::open(*source.file_set(), problems);
    load_all(store, table, memory);
    CHECK(store.bytes(table).total == 24);
    CHECK(memory.taken == 24);
    CHECK(embedding.data == head.data);
}

TEST_CASE("wrong, missing and unexpected tensors are all told, with what was expected", "[weights][hostile]") {
    SafetensorsWriter writer;
    writer.add("a.weight", {3, 2}, matrix_values);
    writer.add("b.weight", {1}, std::vector<float>{1});
    writer.add("layer.inv_freq", {1}, std::vector<float>{1});
    CHECK(problems_of(writer) == Lines{
                                     "model.safetensors: a.weight: shape [3, 2], expected [2, 3]",
                                     "model.safetensors: norm.weight: missing, expected shape [3]",
                                     "model.safetensors: b.weight: unexpected, the config calls for no such tensor"});
    CHECK(problems_of(tiny_writer()) == Lines{"model.safetensors: odd: unexpected, the config calls for no such tensor"});
}

TEST_CASE("shapes must agree exactly: in rank, in order and in every dimension", "[weights][hostile]") {
    const auto shape = GENERATE(values<std::vector<std::int64_t>>({{6}, {3, 2}, {1, 6}, {6, 1}, {2, 3, 1}, {1, 2, 3}}));
    SafetensorsWriter writer;
    writer.add("a.weight", shape, matrix_values);
    writer.add("norm.weight", {3}, norm_values);
    CHECK(problems_of(writer) == Lines{"model.safetensors: a.weight: shape " + io::shape_text(shape) + ", expected [2, 3]"});
}

TEST_CASE("a tensor stored in a format the table does not allow is told as unsupported", "[weights][hostile]") {
    const DType dtype = GENERATE(DType::i8, DType::i32, DType::i64, DType::f64, DType::boolean, DType::f8_e4m3, DType::f8_e8m0);
    SafetensorsWriter writer;
    writer.add("a.weight", {2, 3}, matrix_values);
    writer.add("norm.weight", dtype, {3}, Bytes(static_cast<std::size_t>(3 * block_bytes(dtype))));
    const Bytes file = writer.file();
    const Source source = in_memory(file);
    Problems problems;
    WeightStore::open(*source.file_set(), problems).check(TinyModel().table, problems);
    const auto outcome = outcome_of([&] { problems.throw_if_any(); });
    CHECK(outcome.status == Status::unsupported);
    CHECK(outcome.line == "model.safetensors: norm.weight: stored as " + std::string(name(dtype)) + ", expected f32, f16, bf16");
}

TEST_CASE("loading what was not checked is an error, never a wrong view", "[weights][hostile]") {
    SafetensorsWriter writer;
    writer.add("a.weight", {1, 2}, std::vector<float>{1, 2});
    const Bytes file = writer.file();
    const Source source = in_memory(file);
    Problems problems;
    TinyModel model;
    WeightStore store = WeightStore::open(*source.file_set(), problems);
    CHECK(outcome_of([&] { load_all(store, model.table, *std::pmr::new_delete_resource()); }).status == Status::internal);
    CHECK(model.matrix.data == nullptr);
}

TEST_CASE("every prefix of a checkpoint is a problem that names the file", "[weights][hostile]") {
    const Bytes file = tiny_file();
    for (std::size_t length = 0; length < file.size(); ++length) {
        const Bytes prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
        const auto lines = problems_of(in_memory(prefix));
        CAPTURE(length);
        REQUIRE_FALSE(lines.empty());
        CHECK_THAT(lines.front(), Catch::StartsWith("model.safetensors: "));
    }
}

TEST_CASE("a callback may fail at any read: opening or loading tells it, and memory is given back", "[weights][hostile]") {
    const Bytes file = tiny_file();
    int failures = 0;
    for (int n = 0;; ++n) {
        CountingMemory memory;
        Problems problems;
        const auto outcome = outcome_of([&] {
            const Source source = Source::files().add_callback("model.safetensors", file.size(), failing_at(file, n));
            TinyModel model;
            WeightStore store = WeightStore::open(*source.file_set(), problems);
            if (problems.empty()) load_all(store, model.table, memory);
            problems.throw_if_any();
        });
        CHECK(memory.held == 0);
        if (outcome.ok()) break;
        CHECK(outcome.status == Status::callback);
        CHECK_THAT(outcome.line, Catch::StartsWith("model.safetensors: the caller's callback could not read "));
        ++failures;
    }
    CHECK(failures == 4);  // header length, header, matrix, vector
}

TEST_CASE("memory that is refused while loading leaves nothing behind", "[weights][hostile]") {
    const Bytes file = tiny_file();
    const Source source = Source::files().add_callback("model.safetensors", file.size(), failing_at(file, -1));
    CountingMemory memory;
    memory.limit = 23;
    {
        Problems problems;
        TinyModel model;
        WeightStore store = WeightStore::open(*source.file_set(), problems);
        CHECK_THROWS_AS(load_all(store, model.table, memory), std::bad_alloc);
    }
    CHECK(memory.held == 0);
}

TEST_CASE("shards that an index names are joined", "[weights][shards]") {
    const Shards shards;
    const Source folder = shards.source();
    const Source index = Source::path(shards.folder / "model.safetensors.index.json");
    const Source config = Source::path(shards.folder.write("config.json", "{}"));
    for (const Source& source : {folder, index, config}) CHECK(problems_of(source).empty());
}

TEST_CASE("a chosen container is opened alone, whatever lies beside it", "[weights][shards]") {
    const Shards shards;
    (void)shards.source();
    CHECK(problems_of(Source::path(shards.folder / "model-1.safetensors")) ==
          Lines{shards.path("model-1.safetensors") + ": norm.weight: missing, expected shape [3]"});
    shards.folder.write("weights.bin", "no container");
    CHECK_THAT(problems_of(Source::path(shards.folder / "weights.bin")).front(),
               Catch::StartsWith(shards.path("weights.bin") + ": header length "));
}

TEST_CASE("a folder without weights says what was looked for", "[weights]") {
    const TempFolder folder;
    CHECK(problems_of(Source::path(folder.path())).front() ==
          folder.path().string() + ": expected model.safetensors or model.safetensors.index.json");
    CHECK(problems_of(Source::path(folder / "absent")).front() == (folder / "absent").string() + ": no such file or folder");
}

TEST_CASE("every shard that is missing or broken is told", "[weights][shards][hostile]") {
    Shards shards;
    const Source source = shards.source();
    std::filesystem::remove(shards.folder / "model-1.safetensors");
    shards.folder.write("model-2.safetensors", "short");
    const auto lines = problems_of(source);
    const std::string index = shards.path("model.safetensors.index.json");
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] == index + ": shard model-1.safetensors is missing");
    CHECK(lines[1] == shards.path("model-2.safetensors") + ": 5 bytes, expected at least 8 (the header length)");
    CHECK(lines[2] == index + ": a.weight: missing, expected shape [2, 3]");
    CHECK(lines[3] == index + ": norm.weight: missing, expected shape [3]");
}

TEST_CASE("a tensor must be in the shard the index says, and in no other", "[weights][shards][hostile]") {
    Shards shards;
    const std::string index = shards.path("model.safetensors.index.json");
    SECTION("in two shards") {
        shards.second.add("a.weight", {2, 3}, matrix_values);
        CHECK(problems_of(shards.source()) ==
              Lines{shards.path("model-2.safetensors") + ": a.weight: expected in model-1.safetensors by " + index});
    }
    SECTION("in the other shard") {
        shards.index["weight_map"]["norm.weight"] = "model-1.safetensors";
        shards.index["weight_map"]["a.weight"] = "model-2.safetensors";
        CHECK(problems_of(shards.source()) ==
              Lines{shards.path("model-1.safetensors") + ": a.weight: expected in model-2.safetensors by " + index,
                    index + ": norm.weight: not in model-1.safetensors, as expected",
                    shards.path("model-2.safetensors") + ": norm.weight: expected in model-1.safetensors by " + index,
                    index + ": a.weight: not in model-2.safetensors, as expected",
                    index + ": a.weight: missing, expected shape [2, 3]",
                    index + ": norm.weight: missing, expected shape [3]"});
    }
    SECTION("in a shard without being named") {
        shards.second.add("b.weight", {1}, std::vector<float>{1});
        CHECK(problems_of(shards.source()) == Lines{shards.path("model-2.safetensors") + ": b.weight: not named by " + index});
    }
    SECTION("named without being there") {
        shards.index["weight_map"]["b.weight"] = "model-2.safetensors";
        CHECK(problems_of(shards.source()) == Lines{index + ": b.weight: not in model-2.safetensors, as expected"});
    }
}

TEST_CASE("an index cannot name a file outside its folder", "[weights][shards][hostile]") {
    const auto shard = GENERATE(values<nlohmann::json>({"../model.safetensors", "/etc/passwd", "a/b", "a\\b", "..", ".", "",
                                                        std::string("a\0b", 3), 1, nullptr, true, nlohmann::json::array(),
                                                        nlohmann::json::object()}));
    Shards shards;
    shards.index["weight_map"]["x"] = shard;
    CAPTURE(shard);
    CHECK(problems_of(shards.source()) == Lines{shards.path("model.safetensors.index.json") +
                                                ": weight_map: x: expected the name of a file beside the index"});
}

TEST_CASE("an index without a weight map is told", "[weights][shards][hostile]") {
    const std::string text = GENERATE(as<std::string>{}, "{}", "[]", "null", "12", R"({"weight_map":[]})", R"({"weight_map":null})");
    const Source source = Source::files().add_memory("model.safetensors.index.json", std::as_bytes(std::span(text)));
    CHECK(problems_of(source).front() ==
          "model.safetensors.index.json: weight_map: expected an object of tensor names and file names");
}

TEST_CASE("every prefix of an index is a problem that names the index", "[weights][shards][hostile]") {
    const Shards shards;
    const std::string whole = shards.index.dump();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const std::string text = whole.substr(0, length);
        const Source source = Source::files().add_memory("model.safetensors.index.json", std::as_bytes(std::span(text)));
        CAPTURE(length);
        CHECK_THAT(problems_of(source).front(), Catch::StartsWith("model.safetensors.index.json: byte "));
    }
}

TEST_CASE("identity follows config, tokenizer, names, dtypes and shapes, and not where the bytes lie", "[weights][identity]") {
    const auto of = [](const std::string& config, const std::string& tokenizer, const SafetensorsWriter& writer) {
        const Bytes file = writer.file();
        const Source source = in_memory(file);
        Problems problems;
        const WeightStore store = WeightStore::open(*source.file_set(), problems);
        REQUIRE(problems.empty());
        return weights::identity(config, tokenizer, store.tensors());
    };
    SafetensorsWriter plain, reordered, renamed, reshaped, retyped;
    plain.add("a", {2, 3}, matrix_values);
    plain.add("b", {3}, norm_values);
    reordered.add("b", {3}, std::vector<float>(3));
    reordered.add("a", {2, 3}, matrix_values);
    renamed.add("a", {2, 3}, matrix_values);
    renamed.add("c", {3}, norm_values);
    reshaped.add("a", {3, 2}, matrix_values);
    reshaped.add("b", {3}, norm_values);
    retyped.add("a", {2, 3}, matrix_values);
    retyped.add_bf16("b", {3}, norm_values);

    const std::string identity = of("config", "tokenizer", plain);
    CHECK(identity.size() == 32);
    CHECK(identity.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(of("config", "tokenizer", reordered) == identity);
    const std::set<std::string> all = {identity,
                                       of("Config", "tokenizer", plain), of("config", "Tokenizer", plain),
                                       of("configt", "okenizer", plain), of("", "configtokenizer", plain),
                                       of("config", "tokenizer", renamed), of("config", "tokenizer", reshaped),
                                       of("config", "tokenizer", retyped)};
    CHECK(all.size() == 8);
    // Never changes, since caches are keyed by it: two empty texts are two lengths of 0, and this is XXH3-128 of 16 zero bytes.
    CHECK(weights::identity("", "", {}) == "e5189a9599e3f86205ea23ef06e28b2d");
}

TEST_CASE("reference checkpoints of the V2 family open with every tensor in its place", "[weights][golden]") {
    std::size_t checkpoints = 0, tensors = 0;
    for (const auto& folder : test::golden_checkpoints("v2")) {
        CAPTURE(folder);
        const Source source = Source::path(folder);
        Problems problems;
        WeightStore store = WeightStore::open(*source.file_set(), problems);
        CHECK(problems.lines().empty());

        // A table made from the files themselves: everything is found, mapped and readable to its last byte.
        std::map<std::string, WeightView> matrices;
        std::map<std::string, std::vector<float>> vectors;
        TensorTable table;
        for (const auto& [name, tensor] : store.tensors()) {
            if (tensor.shape.size() == 2) table.matrix(name, tensor.shape[0], tensor.shape[1], matrices[name]);
            if (tensor.shape.size() == 1) table.vector(name, tensor.shape[0], vectors[name]);
        }
        store.check(table, problems);
        CHECK(problems.lines().empty());
        CHECK(table.specs().size() == store.tensors().size());
        load_all(store, table, *std::pmr::null_memory_resource());
        for (const auto& [name, view] : matrices) {
            CHECK(static_cast<std::uint64_t>(view.bytes()) == store.tensors().at(name).bytes);
            CHECK(std::any_of(view.data, view.data + view.bytes(), [](std::byte b) { return b != std::byte{0}; }));
        }
        for (const auto& [name, values] : vectors) CHECK_FALSE(values.empty());

        const auto index = source.file_set()->find("model.safetensors.index.json");
        if (index) {
            const auto json = io::parse_json(io::read_text(*index, 1 << 20), index->name());
            CHECK(json->at("weight_map").size() == store.tensors().size());
        }
        ++checkpoints;
        tensors += store.tensors().size();
    }
    WARN(checkpoints << " reference checkpoints with " << tensors << " tensors opened");
}
