#include "io/json.hpp"

#include <iterator>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

using nlohmann::json;

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

// Releasing an array or object that is empty takes no memory; the parser has limited the depth.
void release_children(json& value) noexcept {
    if (auto* array = value.get_ptr<json::array_t*>()) {
        for (json& element : *array) release_children(element);
        array->clear();
    } else if (auto* object = value.get_ptr<json::object_t*>()) {
        for (auto& [name, member] : *object) release_children(member);
        object->clear();
    }
}

}  // namespace

// Builds the document from SAX events, so that every limit is checked before the memory it guards is taken.
class JsonBuilder : public nlohmann::json_sax<json> {
 public:
    JsonBuilder(std::string_view text, const std::string& origin, const JsonLimits& limits)
        : begin_(text.data()), furthest_(text.data()), size_(text.size()), origin_(origin), limits_(limits) {}

    CountingIterator first() { return {begin_, &furthest_}; }
    CountingIterator last() { return {begin_ + size_, &furthest_}; }
    JsonDocument take() { return std::move(document_); }

    bool null() override { return put(json()); }
    bool boolean(bool value) override { return put(json(value)); }
    bool number_integer(number_integer_t value) override { return put(json(value)); }
    bool number_unsigned(number_unsigned_t value) override { return put(json(value)); }
    bool number_float(number_float_t value, const string_t&) override { return put(json(value)); }
    bool string(string_t& value) override { return put(json(std::move(value))); }
    bool binary(binary_t&) override { refuse("binary values are not JSON"); }

    bool start_object(std::size_t) override { return descend(json::object()); }
    bool start_array(std::size_t) override { return descend(json::array()); }
    bool end_object() override { return ascend(); }
    bool end_array() override { return ascend(); }

    bool key(string_t& name) override {
        const auto [entry, is_new] = open_.back()->get_ref<json::object_t&>().try_emplace(name);
        if (!is_new) refuse("key \"" + printable(name) + "\" is given twice");
        slot_ = &entry->second;
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
        constexpr int number_out_of_range = 406;
        if (error.id == number_out_of_range) refuse("number beyond the range of double");
        refuse(furthest_ == begin_ + size_ ? "text ends or is invalid here" : "invalid JSON");
    }

 private:
    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(Status::corrupt, origin_ + ": byte " + std::to_string(furthest_ - begin_) + ": " + what);
    }

    json* place(json&& value) {
        if (++values_ > limits_.values) refuse("more than " + std::to_string(limits_.values) + " values");
        if (open_.empty()) {
            *document_.root_ = std::move(value);
            return document_.root_.get();
        }
        if (open_.back()->is_array()) {
            auto& array = open_.back()->get_ref<json::array_t&>();
            return &array.emplace_back(std::move(value));
        }
        *slot_ = std::move(value);
        return slot_;
    }

    bool put(json&& value) {
        place(std::move(value));
        return true;
    }

    bool descend(json&& container) {
        if (open_.size() >= limits_.depth) refuse("nested deeper than " + std::to_string(limits_.depth));
        open_.push_back(place(std::move(container)));
        return true;
    }

    bool ascend() {
        open_.pop_back();
        return true;
    }

    const char* begin_;
    const char* furthest_;
    std::size_t size_;
    const std::string& origin_;
    const JsonLimits& limits_;
    JsonDocument document_;
    std::vector<json*> open_;  // containers being filled, outermost first: only the last one grows, so pointers hold
    json* slot_ = nullptr;     // where the value of the last key goes
    std::size_t values_ = 0;
};

JsonDocument::JsonDocument() : root_(new json(json::object())) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

void JsonDocument::TakeApart::operator()(json* root) const noexcept {
    release_children(*root);
    delete root;
}

JsonDocument parse_json(std::string_view text, const std::string& origin, JsonLimits limits) {
    if (text.size() > limits.bytes) {
        throw Error(Status::corrupt, origin + ": byte " + std::to_string(limits.bytes) + ": JSON of " +
                                         std::to_string(text.size()) + " bytes, at most " + std::to_string(limits.bytes) +
                                         " are read");
    }
    JsonBuilder builder(text, origin, limits);
    json::sax_parse(builder.first(), builder.last(), &builder);
    return builder.take();
}

}  // namespace rorqual::io
