// What loading takes while it goes on, as the system counts it.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "rorqual/executor.hpp"
#include "rorqual/source.hpp"
#include "support/safetensors_writer.hpp"
#include "support/temp_folder.hpp"
#include "weights/weight_store.hpp"

using namespace rorqual;
using test::SafetensorsWriter;
using weights::Problems;
using weights::TensorTable;
using weights::WeightStore;

namespace {

constexpr int shards = 8, matrices = 3;
constexpr std::int64_t size = 768;
constexpr std::size_t shard_bytes = matrices * size * size;

/// Bytes of mapped files that are in memory for this process; 0 where the system does not tell.
std::size_t mapped_now() {
    std::size_t all = 0, resident = 0, shared = 0;
    std::ifstream("/proc/self/statm") >> all >> resident >> shared;
    return shared * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Threads of a host that looks at its memory whenever there is work.
class Watch final : public Executor {
 public:
    [[nodiscard]] std::size_t concurrency() const noexcept override { return 2; }
    void run(std::size_t count, void (*body)(void* context, std::size_t i), void* context) override {
        for (std::size_t i = 0; i < count; ++i) body(context, i);
        most = std::max(most, mapped_now());
        ++looks;
    }
    std::size_t most = 0, looks = 0;
};

std::string name_of(int shard, int matrix) { return "m" + std::to_string(shard * matrices + matrix) + ".weight"; }

void write_shards(const test::TempFolder& folder) {
    nlohmann::json index;
    std::vector<std::byte> codes(size * size);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::byte>(i * 29 % 120);
    for (int shard = 0; shard < shards; ++shard) {
        SafetensorsWriter writer;
        const std::string file = "model-" + std::to_string(shard) + ".safetensors";
        for (int matrix = 0; matrix < matrices; ++matrix) {
            const auto name = name_of(shard, matrix);
            writer.add(name, DType::f8_e4m3, {size, size}, codes);
            writer.add(name + "_scale_inv", {size / 128, size / 128}, std::vector<float>((size / 128) * (size / 128), 0.5F));
            index["weight_map"][name] = index["weight_map"][name + "_scale_inv"] = file;
        }
        folder.write(file, writer.file());
    }
    folder.write("model.safetensors.index.json", index.dump());
}

}  // namespace

TEST_CASE("loading a checkpoint of many shards takes what is packed and never more of the files than one shard", "[weights][shards][memory]") {
    if (mapped_now() == 0) return;
    const test::TempFolder folder;
    write_shards(folder);
    TensorTable table;
    table.fp8_blocks(weights::BlockSize{128, 128});
    std::vector<WeightView> views(shards * matrices);
    for (int i = 0; i < shards * matrices; ++i) table.matrix(name_of(0, i), size, size, views[static_cast<std::size_t>(i)]);
    Problems problems;
    WeightStore store = WeightStore::open(*Source::path(folder.path()).file_set(), problems);
    store.check(table, problems);
    problems.throw_if_any();
    store.outline(table);
    weights::PackedStore packed(store.bytes(table).packed, *std::pmr::new_delete_resource());

    Watch watch;
    const auto workers = cpu::Workers::on(watch);
    const std::size_t before = mapped_now();
    store.load(table, *std::pmr::null_memory_resource(), packed, *workers);  // nothing but packed copies
    CHECK(watch.looks >= shards * matrices);
    CHECK(watch.most <= before + shard_bytes + (std::size_t{1} << 20));  // and pages of the program itself
    CHECK(mapped_now() <= before + (std::size_t{1} << 20));
    for (const WeightView& view : views) CHECK(view.scales->panels.data != nullptr);
}
