#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json.hpp"
#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {

/// A text that is being read, and how far: what every complaint names.
class JsonText {
 public:
    JsonText(std::string_view text, const std::string& origin) : begin_(text.data()), furthest_(text.data()), size_(text.size()), origin_(origin) {}

 protected:
    // Walks over the text and tells a witness how far the lexer has read: SAX events carry no position of their own.
    class CountingIterator {
     public:
        using iterator_category = std::input_iterator_tag;
        using value_type = char;
        using difference_type = std::ptrdiff_t;
        using pointer = const char*;
        using reference = const char&;

        CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
        reference operator*() const { return *at_; }
        CountingIterator& operator++() {
            *furthest_ = ++at_;
            return *this;
        }
        bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
        bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

     private:
        const char* at_;
        const char** furthest_;
    };

    CountingIterator first() { return {begin_, &furthest_}; }
    CountingIterator last() { return {begin_ + size_, &furthest_}; }

    void check_size(std::size_t most) {
        if (size_ <= most) return;
        furthest_ = begin_ + most;
        refuse("JSON of " + std::to_string(size_) + " bytes, at most " + std::to_string(most) + " are read");
    }

    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(Status::corrupt, origin_ + ": byte " + std::to_string(furthest_ - begin_) + ": " + what);
    }

    [[noreturn]] void refuse_repeated(const std::string& name) const { refuse("key \"" + printable(name) + "\" is given twice"); }

    [[noreturn]] void refuse_syntax(const nlohmann::detail::exception& error) const {
        constexpr int number_out_of_range = 406;
        if (error.id == number_out_of_range) refuse("number beyond the range of double");
        refuse(furthest_ == begin_ + size_ ? "text ends or is invalid here" : "invalid JSON");
    }

 private:
    const char* begin_;
    const char* furthest_;
    std::size_t size_;
    const std::string& origin_;
};

/// Builds a document from SAX events, so that every limit is checked before the memory it guards is taken. `Tree` says what documents
/// are made of:
///     Value                                       default constructed: null
///     make(…)                                     a boolean, number (also with the text of a floating one) or string
///     array(), object(), is_array(value)
///     append(array, value) → Value*
///     insert(object, name) → Value*               where the member's value goes; nullptr where the object has it already
///     repeated(object) → const std::string*       the same, asked once the object is whole
template <class Tree>
class JsonBuilder : public nlohmann::json_sax<nlohmann::json>, private JsonText {
 public:
    using Value = typename Tree::Value;

    JsonBuilder(std::string_view text, const std::string& origin, const JsonLimits& limits, Value& root)
        : JsonText(text, origin), limits_(limits), root_(root) {}

    void build() {
        check_size(limits_.bytes);
        nlohmann::json::sax_parse(first(), last(), this);
    }

    bool null() override { return put(Value()); }
    bool boolean(bool value) override { return put(Tree::make(value)); }
    bool number_integer(number_integer_t value) override { return put(Tree::make(value)); }
    bool number_unsigned(number_unsigned_t value) override { return put(Tree::make(value)); }
    bool number_float(number_float_t value, const string_t& text) override { return put(Tree::make(value, text)); }
    bool string(string_t& value) override { return put(Tree::make(std::move(value))); }
    bool binary(binary_t&) override { refuse("binary values are not JSON"); }

    bool start_object(std::size_t) override { return descend(Tree::object()); }
    bool start_array(std::size_t) override { return descend(Tree::array()); }
    bool end_array() override { return ascend(); }
    bool end_object() override {
        if (const std::string* name = Tree::repeated(*open_.back())) refuse_repeated(*name);
        return ascend();
    }

    bool key(string_t& name) override {
        slot_ = Tree::insert(*open_.back(), name);
        if (slot_ == nullptr) refuse_repeated(name);
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
        refuse_syntax(error);
    }

 private:
    Value* place(Value&& value) {
        if (++values_ > limits_.values) refuse("more than " + std::to_string(limits_.values) + " values");
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        if (Tree::is_array(*open_.back())) return Tree::append(*open_.back(), std::move(value));
        *slot_ = std::move(value);
        return slot_;
    }

    bool put(Value&& value) {
        place(std::move(value));
        return true;
    }

    bool descend(Value&& container) {
        if (open_.size() >= limits_.depth) refuse("nested deeper than " + std::to_string(limits_.depth));
        open_.push_back(place(std::move(container)));
        return true;
    }

    bool ascend() {
        open_.pop_back();
        return true;
    }

    const JsonLimits& limits_;
    Value& root_;
    std::vector<Value*> open_;  // containers being filled, outermost first: only the last one grows, so pointers hold
    Value* slot_ = nullptr;     // where the value of the last key goes
    std::size_t values_ = 0;
};

}  // namespace rorqual::io
