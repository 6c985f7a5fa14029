#include "safetensors.hpp"

#include <cstring>
#include <nlohmann/json.hpp>

#include "library.hpp"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t length_bytes = 8;  // the header's length, little-endian, stands before it

std::size_t element_bytes(const std::string& dtype) { return dtype == "I64" ? 8 : 4; }

template <class T>
std::vector<std::int64_t> widened(const char* data, std::size_t count) {
    std::vector<std::int64_t> values(count);
    for (std::size_t i = 0; i < count; ++i) {
        T value;
        std::memcpy(&value, data + i * sizeof(T), sizeof(T));
        values[i] = value;
    }
    return values;
}

Json header_of(const std::string& file, const std::string& path) {
    std::uint64_t length = 0;
    if (file.size() < length_bytes) throw Failure(path + ": too short for a safetensors file");
    std::memcpy(&length, file.data(), length_bytes);
    if (length > file.size() - length_bytes) throw Failure(path + ": its header would reach beyond the end of the file");
    Json header = Json::parse(file.data() + length_bytes, file.data() + length_bytes + length, nullptr, false);
    if (!header.is_object()) throw Failure(path + ": its header is no JSON object");
    return header;
}

}  // namespace

std::map<std::string, std::vector<std::int64_t>> read_integer_tensors(const std::string& path, const std::string& prefix) {
    const std::string file = read_file(path);
    const Json header = header_of(file, path);
    std::uint64_t header_length = 0;
    std::memcpy(&header_length, file.data(), length_bytes);
    const std::size_t begin_of_data = length_bytes + header_length, data_bytes = file.size() - begin_of_data;
    std::map<std::string, std::vector<std::int64_t>> tensors;
    for (const auto& [name, entry] : header.items()) {
        if (name.rfind(prefix, 0) != 0) continue;
        const auto fail = [&, &key = name](const std::string& what) { throw Failure(path + ": " + key + ": " + what); };
        try {
            const auto dtype = entry.at("dtype").get<std::string>();
            const auto shape = entry.at("shape").get<std::vector<std::uint64_t>>();
            const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
            if (dtype != "I64" && dtype != "I32") fail("dtype " + dtype + ", expected I64 or I32");
            if (shape.size() != 1) fail("expected one dimension");
            if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_bytes) fail("its data lies outside the file");
            const std::size_t count = (offsets[1] - offsets[0]) / element_bytes(dtype);
            if (count != shape[0] || count * element_bytes(dtype) != offsets[1] - offsets[0]) fail("shape and data disagree");
            const char* data = file.data() + begin_of_data + offsets[0];
            tensors[name.substr(prefix.size())] = dtype == "I64" ? widened<std::int64_t>(data, count) : widened<std::int32_t>(data, count);
        } catch (const Json::exception&) {
            fail("its header entry is malformed");
        }
    }
    return tensors;
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, const std::vector<TensorHeader>& tensors) : file_(path) {
    Json header = Json::object();
    std::uint64_t offset = 0;
    for (const auto& tensor : tensors) {
        std::uint64_t bytes = element_bytes(tensor.dtype);
        for (const std::int64_t extent : tensor.shape) bytes *= static_cast<std::uint64_t>(extent);
        header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + bytes}}};
        offset += bytes;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = text.size();
    file_.write(&length, length_bytes);
    file_.write(text.data(), text.size());
}

}  // namespace cli
