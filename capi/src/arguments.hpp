#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "rorqual/error.hpp"
#include "rorqual/rorqual.h"
#include "rorqual/tensor.hpp"

/// Checks of what callers pass, before anything is done with it. All throw Error(invalid_argument) that names the argument.
namespace rorqual::capi {

[[noreturn]] void refuse(const char* argument, const std::string& why);

/// The object behind a pointer that may not be NULL.
template <class T>
T& required(T* pointer, const char* argument) {
    if (pointer == nullptr) refuse(argument, "NULL");
    return *pointer;
}

/// Where a result goes. It holds `nothing` from now on, so that a call that fails later has cleared it.
template <class T>
T& result(T* pointer, const char* argument, std::type_identity_t<T> nothing = T{}) {
    return required(pointer, argument) = nothing;
}

/// The same for a result that the caller may not want.
template <class T>
void clear(T* pointer) {
    if (pointer != nullptr) *pointer = T{};
}

/// `count` elements at `data`; NULL goes with 0 elements only.
template <class T>
std::span<T> array(T* data, std::size_t count, const char* argument) {
    if (data == nullptr && count != 0) refuse(argument, "NULL for " + std::to_string(count) + " elements");
    if (count > static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T)) refuse(argument, "more elements than the address space holds");
    return {data, count};
}

std::string_view text(const char* data, std::size_t length, const char* argument);

/// UTF-8, not empty, without zero bytes.
std::filesystem::path path_argument(const char* data, std::size_t length, const char* argument);

/// One of the first `count` codes 0, 1, 2 …
std::int32_t code(std::int32_t value, std::int32_t count, const char* argument);

/// 0 or 1.
bool yes_or_no(std::uint32_t value, const char* argument);

/// Only bits of `known` are set.
std::uint32_t flags(std::uint32_t value, std::uint32_t known, const char* argument);

/// A reserved field: 0 or NULL.
void reserved(std::uint32_t value, const char* argument);
void reserved(const void* value, const char* argument);

/// An unsigned size as the signed one the engine counts with.
std::int64_t size(std::uint64_t value, const char* argument);

// ---- structs ----

/// No struct of the interface will ever be larger; a struct_size beyond is memory that nobody initialised.
inline constexpr std::size_t largest_struct = 4096;

/// Checks struct_size of an input struct of which this version knows `known` bytes, and that the part it does not know is zero.
/// Returns how many bytes are to be read.
std::size_t check_input(const void* input, std::size_t known, const char* argument);
/// Checks struct_size of an output struct and zeroes all behind it.
void clear_output(void* output, const char* argument);
/// Copies `known` bytes of value to output, all but struct_size, as far as the caller's struct goes.
void copy_output(void* output, const void* value, std::size_t known) noexcept;

template <class T>
concept SizedStruct = std::is_trivially_copyable_v<T> && std::same_as<decltype(T::struct_size), std::uint32_t>;

/// An input struct as this version knows it: a shorter one is read as if the rest were zero.
template <SizedStruct T>
T input(const T* given, const char* argument) {
    T read{};
    std::memcpy(&read, given, check_input(&required(given, argument), sizeof(T), argument));
    return read;
}

/// The same where NULL means all defaults.
template <SizedStruct T>
T input_or_defaults(const T* given, const char* argument) {
    return given == nullptr ? T{} : input(given, argument);
}

/// An output struct: zeroed when made, filled by set().
template <SizedStruct T>
class Output {
 public:
    Output(T* given, const char* argument) : given_(&required(given, argument)) { clear_output(given_, argument); }
    void set(const T& value) noexcept { copy_output(given_, &value, sizeof(T)); }

 private:
    T* given_;
};

// ---- out-text and out-ids ----

/// A buffer of the caller, checked and its length cleared when made; give() fills it or only tells the size, as rorqual.h says.
class TextBuffer {
 public:
    TextBuffer(char* buffer, std::size_t capacity, std::size_t* length);
    void give(std::string_view text);

 private:
    std::size_t* length_;
    char* buffer_;
    std::size_t capacity_;
};

class TokenBuffer {
 public:
    TokenBuffer(std::int32_t* tokens, std::size_t capacity, std::size_t* count);
    void give(std::span<const Token> tokens);

 private:
    std::size_t* count_;
    std::int32_t* tokens_;
    std::size_t capacity_;
};

/// Where text goes that belongs to somebody else; never NULL, and empty when made.
class BorrowedText {
 public:
    BorrowedText(const char** text, std::size_t* length, const char* text_name, const char* length_name)
        : text_(&result(text, text_name)), length_(&result(length, length_name)) {}
    void give(std::string_view text) noexcept {
        *text_ = text.empty() ? "" : text.data();
        *length_ = text.size();
    }

 private:
    const char** text_;
    std::size_t* length_;
};

// ---- operands of the operations on plain arrays ----

/// [rows, cols] with a row stride of the caller; stride 0 = cols.
template <class T>
RowsOf<T> rows(T* data, std::int64_t rows, std::int64_t cols, std::int64_t stride, const char* argument);

/// [rows, cols] of a dtype, rows adjacent.
WeightView weight(const void* data, std::int32_t dtype, std::int64_t rows, std::int64_t cols, const char* argument);

/// a·b of two sizes, none of them negative.
std::int64_t product(std::int64_t a, std::int64_t b, const char* argument);

/// a + b of two sizes, none of them negative.
std::int64_t sum(std::int64_t a, std::int64_t b, const char* argument);

}  // namespace rorqual::capi
