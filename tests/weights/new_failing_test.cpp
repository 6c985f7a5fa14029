// A program of its own, because it replaces the global operator new: every allocation of opening fails in turn.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <new>
#include <string>

#include "io/json.hpp"
#include "rorqual/source.hpp"
#include "support/failing_new.hpp"
#include "support/safetensors_writer.hpp"
#include "support/temp_folder.hpp"
#include "weights/config_reader.hpp"
#include "weights/load_all.hpp"
#include "weights/weight_store.hpp"

using namespace rorqual;
using test::FailingNew;
using test::load_all;

namespace {

enum class Ending { whole,
                    bad_alloc,
                    other_error };

// Runs a call with memory for 0, 1, 2 … allocations until it needs no more. Returns how many times it failed; every failure
// must leave as bad_alloc, or the call and its count are reported as a test failure.
template <class Call>
long failures_of(Call call) {
    for (long n = 0;; ++n) {
        Ending ending = Ending::whole;
        bool failed = false;
        {
            const FailingNew failing(n);
            try {
                call();
            } catch (const std::bad_alloc&) {
                ending = Ending::bad_alloc;
            } catch (...) {
                ending = Ending::other_error;
            }
            failed = FailingNew::happened();
        }
        if (ending == Ending::whole && !failed) return n;
        if (ending != Ending::bad_alloc) FAIL("allocation " << n << " failed, and no bad_alloc came out");
    }
}

const std::string config_text =
    R"({"hidden_size":-1,"topk_method":"a name too long for the small string","eos":[1,2,3],"nested":{"a":[{"b":{}}],"c":[[],{}]}})";

void read_config() {
    const auto document = io::parse_json(config_text, "config.json");
    weights::Problems problems;
    weights::ConfigReader reader(*document, "config.json", problems);
    (void)reader.integer("hidden_size", 1, 65536);
    (void)reader.choice("topk_method", {"greedy", "group_limited_greedy"});
    (void)reader.integers_or_empty("eos", 0, 9);
    (void)reader.object("nested");
}

void open_and_load(const Source& source) {
    weights::Problems problems;
    WeightView matrix;
    std::vector<float> norm;
    weights::TensorTable table;
    table.matrix("a.weight", 2, 3, matrix);
    table.vector("norm.weight", 3, norm);
    auto store = weights::WeightStore::open(*source.file_set(), problems);
    store.check(table, problems);
    problems.throw_if_any();
    (void)store.bytes(table);
    load_all(store, table, *std::pmr::new_delete_resource());
    (void)weights::identity(config_text, "{}", store.tensors());
}

std::vector<std::byte> tiny_file() {
    test::SafetensorsWriter writer;
    writer.add("a.weight", {2, 3}, std::vector<float>(6, 1));
    writer.add_bf16("norm.weight", {3}, {1, 2, 3});
    writer.add_metadata("format", "pt");
    return writer.file();
}

}  // namespace

TEST_CASE("any allocation may fail while a config is read: bad_alloc comes out and nothing else", "[weights][hostile]") {
    CHECK(failures_of(read_config) > 20);
}

TEST_CASE("any allocation may fail while hostile JSON is refused", "[io][hostile]") {
    CHECK(failures_of([] {
              try {
                  (void)io::parse_json(config_text + "}", "config.json");
              } catch (const Error&) {
              }
          }) > 20);
}

TEST_CASE("any allocation may fail while a checkpoint in memory or behind a callback is opened and loaded", "[weights][hostile]") {
    const auto file = tiny_file();
    CHECK(failures_of([&] { open_and_load(Source::files().add_memory("model.safetensors", file)); }) > 50);
    CHECK(failures_of([&] {
              open_and_load(Source::files().add_callback("model.safetensors", file.size(), [&](std::uint64_t offset, std::span<std::byte> out) {
                  std::copy_n(file.data() + offset, out.size(), out.data());
                  return true;
              }));
          }) > 50);
}

TEST_CASE("any allocation may fail while shards of a folder are opened and loaded", "[weights][hostile]") {
    const test::TempFolder folder;
    folder.write("model-1.safetensors", tiny_file());
    folder.write("model.safetensors.index.json",
                 R"({"weight_map":{"a.weight":"model-1.safetensors","norm.weight":"model-1.safetensors"}})");
    const auto path = folder.path();
    CHECK(failures_of([&] { open_and_load(Source::path(path)); }) > 50);
}
