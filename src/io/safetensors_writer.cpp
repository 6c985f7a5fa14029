#include "io/safetensors_writer.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "io/little_endian.hpp"
#include "io/printable.hpp"
#include "io/safetensors.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

constexpr std::size_t data_alignment = 64;

// Text as JSON writes it. One value only: destroying a tree of them takes memory, and ends the process where there is none.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string entry(const SafetensorsWriter::Tensor& tensor, std::uint64_t offset) {
    std::string shape;
    for (const std::int64_t dimension : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(dimension);
    return quoted(tensor.name) + R"(:{"dtype":")" + std::string(safetensors_dtype(tensor.dtype)) + R"(","shape":[)" + shape + R"(],"data_offsets":[)" +
           std::to_string(offset) + "," + std::to_string(offset + tensor.bytes()) + "]}";
}

// The length, and the JSON up to where the data begin. Metadata come first, so that a file begins with what tells its kind.
std::string header_of(const std::map<std::string, std::string>& metadata, std::span<const SafetensorsWriter::Tensor> tensors) {
    std::string json;
    for (const auto& [key, value] : metadata) json += (json.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
    if (!metadata.empty()) json = R"("__metadata__":{)" + json + "}";
    std::uint64_t offset = 0;
    for (const auto& tensor : tensors) {
        json += (json.empty() ? "" : ",") + entry(tensor, offset);
        offset += tensor.bytes();
    }
    json = "{" + json + "}";
    while ((sizeof(std::uint64_t) + json.size()) % data_alignment != 0) json += ' ';
    std::vector<std::byte> length;
    append_little_endian(length, std::uint64_t{json.size()});
    return std::string(reinterpret_cast<const char*>(length.data()), length.size()) + json;
}

}  // namespace

std::uint64_t SafetensorsWriter::Tensor::bytes() const noexcept {
    auto bytes = static_cast<std::uint64_t>(block_bytes(dtype));
    for (const std::int64_t dimension : shape) bytes *= static_cast<std::uint64_t>(dimension);
    return bytes;
}

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path, const std::map<std::string, std::string>& metadata,
                                     std::span<const Tensor> tensors)
    : file_(std::move(path)), header_(header_of(metadata, tensors)) {
    file_.write(std::as_bytes(std::span(header_)));
    for (const Tensor& tensor : tensors) all_ += tensor.bytes();
}

void SafetensorsWriter::write(std::span<const std::byte> bytes) {
    if (bytes.size() > all_ - done_) {
        throw Error(Status::invalid_argument, file_.name() + ": " + std::to_string(bytes.size()) + " bytes more, but the header announced only " +
                                                  std::to_string(all_ - done_));
    }
    file_.write(bytes);
    done_ += bytes.size();
}

void SafetensorsWriter::commit() {
    if (done_ != all_) {
        throw Error(Status::invalid_argument, file_.name() + ": " + std::to_string(done_) + " of " + std::to_string(all_) + " bytes are written, expected all");
    }
    file_.commit();
}

}  // namespace rorqual::io
