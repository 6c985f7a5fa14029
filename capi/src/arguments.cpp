#include "arguments.hpp"

#include <limits>

namespace rorqual::capi {

void refuse(const char* argument, const std::string& why) {
    throw Error(Status::invalid_argument, std::string(argument) + ": " + why);
}

std::string_view text(const char* data, std::size_t length, const char* argument) {
    const auto bytes = array(data, length, argument);
    return bytes.empty() ? std::string_view("") : std::string_view(bytes.data(), bytes.size());
}

std::filesystem::path path_argument(const char* data, std::size_t length, const char* argument) {
    const auto utf8 = text(data, length, argument);
    if (utf8.empty()) refuse(argument, "empty");
    if (utf8.find('\0') != utf8.npos) refuse(argument, "contains a zero byte");
    return std::u8string(utf8.begin(), utf8.end());
}

std::int32_t code(std::int32_t value, std::int32_t count, const char* argument) {
    if (value < 0 || value >= count) {
        refuse(argument, std::to_string(value) + ", expected a code from 0 to " + std::to_string(count - 1));
    }
    return value;
}

bool yes_or_no(std::uint32_t value, const char* argument) {
    if (value > 1) refuse(argument, std::to_string(value) + ", expected 0 or 1");
    return value == 1;
}

std::uint32_t flags(std::uint32_t value, std::uint32_t known, const char* argument) {
    if ((value & ~known) != 0) refuse(argument, "bits " + std::to_string(value & ~known) + " mean nothing in this version");
    return value;
}

void reserved(std::uint32_t value, const char* argument) {
    if (value != 0) refuse(argument, std::to_string(value) + ", expected 0");
}

void reserved(const void* value, const char* argument) {
    if (value != nullptr) refuse(argument, "set, expected NULL");
}

std::int64_t size(std::uint64_t value, const char* argument) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        refuse(argument, std::to_string(value) + " is beyond every size");
    }
    return static_cast<std::int64_t>(value);
}

namespace {

std::size_t struct_size(const void* given, const char* argument) {
    std::uint32_t size = 0;
    std::memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > largest_struct) {
        refuse(argument, "struct_size is " + std::to_string(size) + "; start from the struct's RQ_..._INIT");
    }
    return size;
}

}  // namespace

std::size_t check_input(const void* input, std::size_t known, const char* argument) {
    const std::size_t size = struct_size(input, argument);
    const auto* bytes = static_cast<const unsigned char*>(input);
    for (std::size_t i = known; i < size; ++i) {
        if (bytes[i] != 0) {
            refuse(argument, "the field at byte " + std::to_string(i) + " is set, but this version of the library knows " +
                                 std::to_string(known) + " bytes only");
        }
    }
    return std::min(size, known);
}

void clear_output(void* output, const char* argument) {
    const std::size_t size = struct_size(output, argument);
    std::memset(static_cast<unsigned char*>(output) + sizeof(std::uint32_t), 0, size - sizeof(std::uint32_t));
}

void copy_output(void* output, const void* value, std::size_t known) noexcept {
    std::uint32_t size = 0;
    std::memcpy(&size, output, sizeof size);
    const std::size_t end = std::min<std::size_t>(size, known);
    std::memcpy(static_cast<unsigned char*>(output) + sizeof size, static_cast<const unsigned char*>(value) + sizeof size,
                end - sizeof size);
}

TextBuffer::TextBuffer(char* buffer, std::size_t capacity, std::size_t* length)
    : length_(&result(length, "length")), buffer_(array(buffer, capacity, "buffer").data()), capacity_(capacity) {}

void TextBuffer::give(std::string_view text) {
    *length_ = text.size();
    if (buffer_ == nullptr) return;
    if (capacity_ <= text.size()) {
        refuse("buffer", "room for " + std::to_string(capacity_) + " bytes, " + std::to_string(text.size() + 1) + " are needed");
    }
    std::copy(text.begin(), text.end(), buffer_);
    buffer_[text.size()] = '\0';
}

TokenBuffer::TokenBuffer(std::int32_t* tokens, std::size_t capacity, std::size_t* count)
    : count_(&result(count, "count")), tokens_(array(tokens, capacity, "tokens").data()), capacity_(capacity) {}

void TokenBuffer::give(std::span<const Token> tokens) {
    *count_ = tokens.size();
    if (tokens_ == nullptr) return;
    if (capacity_ < tokens.size()) {
        refuse("tokens", "room for " + std::to_string(capacity_) + ", " + std::to_string(tokens.size()) + " are needed");
    }
    std::copy(tokens.begin(), tokens.end(), tokens_);
}

namespace {

void not_negative(std::int64_t value, const char* argument) {
    if (value < 0) refuse(argument, "a size of " + std::to_string(value));
}

[[noreturn]] void too_large(const char* argument) { refuse(argument, "larger than the address space"); }

// No array of floats or smaller elements has more elements than this.
constexpr std::int64_t most_elements = std::numeric_limits<std::ptrdiff_t>::max() / static_cast<std::ptrdiff_t>(sizeof(float));

}  // namespace

std::int64_t product(std::int64_t a, std::int64_t b, const char* argument) {
    not_negative(a, argument);
    not_negative(b, argument);
    if (b != 0 && a > most_elements / b) too_large(argument);
    return a * b;
}

std::int64_t sum(std::int64_t a, std::int64_t b, const char* argument) {
    not_negative(a, argument);
    not_negative(b, argument);
    if (a > most_elements - b) too_large(argument);
    return a + b;
}

template <class T>
RowsOf<T> rows(T* data, std::int64_t rows, std::int64_t cols, std::int64_t stride, const char* argument) {
    if (product(rows, cols, argument) != 0 && data == nullptr) refuse(argument, "NULL");
    if (stride == 0) stride = cols;
    if (stride < cols) refuse(argument, "a stride of " + std::to_string(stride) + " for rows of " + std::to_string(cols));
    product(rows, stride, argument);
    return {data, rows, cols, stride};
}

template RowsOf<float> rows(float*, std::int64_t, std::int64_t, std::int64_t, const char*);
template RowsOf<const float> rows(const float*, std::int64_t, std::int64_t, std::int64_t, const char*);

WeightView weight(const void* data, std::int32_t dtype, std::int64_t rows, std::int64_t cols, const char* argument) {
    if (dtype != RQ_DTYPE_F32 && dtype != RQ_DTYPE_F16 && dtype != RQ_DTYPE_BF16) {
        refuse(argument, "a dtype of " + std::to_string(dtype) + ", expected RQ_DTYPE_F32, RQ_DTYPE_F16 or RQ_DTYPE_BF16");
    }
    if (product(rows, cols, argument) != 0 && data == nullptr) refuse(argument, "NULL");
    return {static_cast<DType>(dtype), static_cast<const std::byte*>(data), rows, cols};
}

}  // namespace rorqual::capi
