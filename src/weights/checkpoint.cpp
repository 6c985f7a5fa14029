#include "weights/checkpoint.hpp"

#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/json.hpp"
#include "io/printable.hpp"
#include "io/safetensors.hpp"

namespace rorqual::weights {
namespace {

using io::printable;

// Runs one step of opening. What it throws becomes a problem, so that the next steps can find theirs.
template <class Step>
void collect(Problems& problems, Step&& step) {
    try {
        step();
    } catch (const Error& error) {
        problems.add(error.status(), error.what());
    }
}

// weight_map of an index: tensor → the shard it says holds it.
using WeightMap = std::map<std::string, std::string>;

WeightMap read_index(const io::File& file, Problems& problems) {
    const io::JsonLimits limits;
    const io::JsonDocument index = io::parse_json(io::read_text(file, limits.bytes), file.name(), limits);
    const auto entry = index->is_object() ? index->find("weight_map") : index->end();
    if (entry == index->end() || !entry->is_object()) {
        throw Error(Status::corrupt, file.name() + ": weight_map: expected an object of tensor names and file names");
    }
    WeightMap shards;
    for (const auto& [tensor, shard] : entry->items()) {
        if (shard.is_string() && io::is_file_name(shard.get_ref<const std::string&>())) {
            shards.emplace(tensor, shard.get<std::string>());
        } else {
            problems.add(Status::corrupt, file.name() + ": weight_map: " + printable(tensor) +
                                              ": expected the name of a file beside the index");
        }
    }
    return shards;
}

// Takes from one shard the tensors the index places in it; all others are problems.
void take_shard(io::FileSet& files, const std::string& shard, const WeightMap& places, const std::string& index,
                Checkpoint& checkpoint, Problems& problems) {
    const auto file = files.find(shard);
    if (!file) throw Error(Status::not_found, index + ": shard " + printable(shard) + " is missing");
    std::set<std::string_view> found;
    auto header = io::Safetensors::read_header(file);
    for (io::TensorInfo& tensor : header.tensors) {
        const auto place = places.find(tensor.name);
        const std::string where = file->name() + ": " + printable(tensor.name);
        if (place == places.end()) {
            problems.add(Status::corrupt, where + ": not named by " + index);
        } else if (place->second != shard) {
            problems.add(Status::corrupt, where + ": expected in " + printable(place->second) + " by " + index);
        } else {
            found.insert(place->first);
            checkpoint.tensors.emplace(tensor.name, std::move(tensor));
        }
    }
    for (const auto& [tensor, place] : places) {
        if (place == shard && !found.contains(tensor)) {
            problems.add(Status::corrupt, index + ": " + printable(tensor) + ": not in " + printable(shard) + ", as expected");
        }
    }
}

Checkpoint read_sharded(io::FileSet& files, const io::File& index, Problems& problems) {
    Checkpoint checkpoint{index.name(), {}};
    const WeightMap places = read_index(index, problems);
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : places) shards.insert(shard);
    for (const std::string& shard : shards) {
        collect(problems, [&] { take_shard(files, shard, places, index.name(), checkpoint, problems); });
    }
    return checkpoint;
}

Checkpoint read_single(const std::shared_ptr<const io::File>& file) {
    Checkpoint checkpoint{file->name(), {}};
    auto header = io::Safetensors::read_header(file);
    for (io::TensorInfo& tensor : header.tensors) {
        std::string name = tensor.name;
        checkpoint.tensors.emplace(std::move(name), std::move(tensor));
    }
    return checkpoint;
}

// The container or index to read: its name. A chosen config.json or tokenizer.json stands for its folder.
std::string find_container(io::FileSet& files) {
    const std::string& chosen = files.chosen();
    if (!chosen.empty() && (!chosen.ends_with(".json") || chosen.ends_with(".index.json"))) return chosen;
    for (const char* name : {io::safetensors_name, io::safetensors_index_name}) {
        if (files.find(name)) return name;
    }
    throw Error(Status::not_found, files.name() + ": expected " + io::safetensors_name + " or " + io::safetensors_index_name);
}

}  // namespace

Checkpoint read_checkpoint(io::FileSet& files, Problems& problems) {
    Checkpoint checkpoint{files.name(), {}};
    collect(problems, [&] {
        const std::string name = find_container(files);
        const auto file = files.require(name, "the weights");
        checkpoint.origin = file->name();
        checkpoint = name.ends_with(".json") ? read_sharded(files, *file, problems) : read_single(file);
    });
    return checkpoint;
}

}  // namespace rorqual::weights
