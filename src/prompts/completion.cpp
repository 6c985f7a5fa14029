#include "rorqual/completion.hpp"

#include <unordered_set>
#include <utility>

#include "io/ordered_json.hpp"
#include "io/printable.hpp"
#include "prompts/completion_rules.hpp"
#include "prompts/format.hpp"
#include "text/utf8.hpp"

namespace rorqual {

using prompts::CompletionRules;
using prompts::Does;
using prompts::Exit;
using prompts::Step;
using prompts::StepRule;
using prompts::Takes;
using Kind = CompletionPart::Kind;

namespace {

struct Call {
    std::string name, arguments;
};

/// Where the next marker begins, or what may become one.
struct Found {
    std::size_t begin;
    const Exit* exit = nullptr;  // the marker; none: not yet
};

Found find(const StepRule& rule, std::string_view text, bool at_end) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view rest = text.substr(i);
        bool may_become_one = false;
        for (const Exit& exit : rule.exits) {
            if (rest.starts_with(exit.marker)) return {i, &exit};
            may_become_one = may_become_one || exit.marker.starts_with(rest);
        }
        if (may_become_one && !at_end) return {i};
    }
    return {text.size()};
}

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

}  // namespace

class Completion::Impl {
 public:
    Impl(const CompletionRules& rules, bool thinking) : rules_(rules), step_(thinking ? rules.begin_thinking : rules.begin) {}

    void feed(std::string_view text) {
        begin_call();
        pending_ += text;
        read(false);
        state_ = State::open;
    }

    const std::string& finish() {
        begin_call();
        const StepRule& rule = rules_[step_];
        const bool may_end = rule.rest && (rule.takes == Takes::name || pending_ == *rule.rest);
        if (may_end) {
            if (rule.takes == Takes::name) take_text(rule, pending_);
            act(rule.at_end);
        } else {
            read(true);
            refuse("the answer ends before it is whole");
        }
        pending_.clear();
        write_message();
        state_ = State::finished;
        return message_;
    }

    std::vector<CompletionPart> take() { return std::exchange(parts_, {}); }

 private:
    enum class State { open,
                       failed,
                       finished };

    // Until the call that begins has succeeded, it has failed.
    void begin_call() {
        if (state_ != State::open) {
            throw Error(Status::wrong_state, state_ == State::finished ? "the answer is finished" : "the answer was refused before");
        }
        state_ = State::failed;
    }

    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(Status::corrupt, "answer: byte " + std::to_string(offset_) + ": " + what);
    }

    void read(bool at_end) {
        std::string_view left = pending_;
        const auto skip = [&](std::size_t bytes) {
            left.remove_prefix(bytes);
            offset_ += bytes;
        };
        for (;;) {
            const StepRule& rule = rules_[step_];
            const Found found = find(rule, left, at_end);
            if (found.begin > 0 && rule.takes == Takes::nothing) {
                if (rule.otherwise == Step::wrong) refuse("unexpected text \"" + io::printable(left.substr(0, found.begin), 40) + "\"");
                step_ = rule.otherwise;
                continue;
            }
            take_text(rule, left.substr(0, found.begin));
            skip(found.begin);
            if (found.exit == nullptr) break;
            if (found.exit->to == Step::wrong) refuse("unexpected \"" + io::printable(found.exit->marker) + "\"");
            act(found.exit->does);
            skip(found.exit->marker.size());
            step_ = found.exit->to;
        }
        pending_.erase(0, pending_.size() - left.size());
    }

    void take_text(const StepRule& rule, std::string_view text) {
        switch (rule.takes) {
            case Takes::nothing: break;
            case Takes::reasoning: give(Kind::reasoning, reasoning_, text); break;
            case Takes::content: give(Kind::content, content_, text); break;
            case Takes::arguments: give_arguments(text); break;
            case Takes::escaped_arguments: {
                std::string escaped;
                io::print_json_escaped(escaped, text);
                give_arguments(escaped);
                break;
            }
            case Takes::name: gathered_ += text; break;
        }
    }

    void give(Kind kind, std::string& whole, std::string_view text) {
        if (text.empty()) return;
        whole += text;
        if (parts_.empty() || parts_.back().kind != kind || kind == Kind::tool_call) parts_.push_back({kind, {}});
        parts_.back().text += text;
    }
    void give_arguments(std::string_view text) { give(Kind::arguments, calls_.back().arguments, text); }

    void act(Does does) {
        const std::string gathered = std::exchange(gathered_, {});
        switch (does) {
            case Does::nothing: break;
            case Does::begin_call: begin_call(gathered); break;
            case Does::begin_dsml_call:
            case Does::empty_dsml_call:
                begin_call(dsml_name(gathered));
                give_arguments("{");
                if (does == Does::empty_dsml_call) give_arguments("}");
                break;
            case Does::string_parameter:
            case Does::json_parameter: begin_parameter(gathered, does == Does::string_parameter); break;
            case Does::end_string: give_arguments("\""); break;
            case Does::end_dsml_call: give_arguments("}"); break;
        }
    }

    void begin_call(const std::string& name) {
        calls_.push_back({name, {}});
        parameters_.clear();
        parts_.push_back({Kind::tool_call, name});
    }

    // The published parser looks for ^\s*name="(.*?)">\n$, where $ lets one more newline pass.
    std::string dsml_name(const std::string& tag) const {
        std::string_view name = tag;
        while (!name.empty() && is_space(name.front())) name.remove_prefix(1);
        constexpr std::string_view open = "name=\"", close = "\">\n";
        const bool opens = name.starts_with(open);
        if (opens) name.remove_prefix(open.size());
        if (name.ends_with("\">\n\n")) name.remove_suffix(1);
        if (!opens || !name.ends_with(close)) refuse("expected ' name=\"…\">' and a newline");
        name.remove_suffix(close.size());
        return std::string(name);
    }

    void begin_parameter(const std::string& tag, bool is_string) {
        constexpr std::string_view open = " name=\"";
        if (!tag.starts_with(open)) refuse("expected ' name=\"…\" string=\"…\">'");
        const std::string name = tag.substr(open.size());
        std::string text = parameters_.empty() ? "" : ", ";
        if (!parameters_.insert(name).second) refuse("parameter \"" + io::printable(name) + "\" is given twice");
        io::print_json_string(text, name);
        text += is_string ? ": \"" : ": ";
        give_arguments(text);
    }

    // In the shape that templates understand: to them an empty list of calls is a list, and text beside calls is none where it is null.
    void write_message() {
        std::string& out = message_;
        out = R"({"role": "assistant", "content": )";
        if (content_.empty() && !calls_.empty()) {
            out += "null";
        } else {
            io::print_json_string(out, content_);
        }
        if (!reasoning_.empty()) {
            out += R"(, "reasoning_content": )";
            io::print_json_string(out, reasoning_);
        }
        for (std::size_t i = 0; i < calls_.size(); ++i) {
            out += i == 0 ? R"(, "tool_calls": [)" : ", ";
            out += R"({"type": "function", "function": {"name": )";
            io::print_json_string(out, calls_[i].name);
            out += R"(, "arguments": )";
            io::print_json_string(out, calls_[i].arguments);
            out += "}}";
        }
        out += calls_.empty() ? "}" : "]}";
        if (text::first_invalid_utf8(out) != std::string_view::npos) throw Error(Status::corrupt, "answer: it is not UTF-8");
    }

    const CompletionRules& rules_;
    Step step_;
    State state_ = State::open;
    std::string pending_;     // fed and not certain yet
    std::string gathered_;    // text of a step that takes a name
    std::size_t offset_ = 0;  // of pending_, in all that was fed
    std::vector<CompletionPart> parts_;
    std::string reasoning_, content_, message_;
    std::vector<Call> calls_;
    std::unordered_set<std::string> parameters_;  // of the last call
};

Completion::Completion(std::string_view format, bool thinking) {
    const prompts::Format& known = prompts::format_named(format);
    prompts::check_options(known, {.thinking = thinking});
    impl_ = std::make_unique<Impl>(known.completion(), thinking);
}

Completion::~Completion() = default;
Completion::Completion(Completion&&) noexcept = default;
Completion& Completion::operator=(Completion&&) noexcept = default;

void Completion::feed(std::string_view text) { impl_->feed(text); }

std::vector<CompletionPart> Completion::take() { return impl_->take(); }

const std::string& Completion::finish() { return impl_->finish(); }

}  // namespace rorqual
