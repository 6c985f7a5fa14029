#include "rorqual/session.hpp"

#include <algorithm>
#include <string>

#include "families/session_options.hpp"
#include "rorqual/error.hpp"
#include "session/impl.hpp"
#include "session/saved_timeline.hpp"

namespace rorqual {
namespace {

void check_ids(const char* argument, std::span<const Token> tokens, std::int64_t vocab_size) {
    const auto bad = std::ranges::find_if(tokens, [&](Token token) { return token < 0 || token >= vocab_size; });
    if (bad == tokens.end()) return;
    throw Error(Status::invalid_argument, std::string(argument) + "[" + std::to_string(bad - tokens.begin()) + "]: token " + std::to_string(*bad) +
                                              ", expected an id below " + std::to_string(vocab_size));
}

void check_room(std::size_t needed, std::size_t capacity) {
    if (needed > capacity) {
        throw Error(Status::context_full, "session: " + std::to_string(needed) + " tokens, expected at most " + std::to_string(capacity));
    }
}

}  // namespace

Session Model::session(const SessionOptions& options) const {
    if (parts_->headers_only) throw Error(Status::wrong_state, "model: opened with headers_only, it has no weights");
    return Session(std::make_unique<Session::Impl>(shared_from_this(), families::resolve(options, *parts_->network, default_mode())));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

SyncReport Session::sync(std::span<const Token> prompt) {
    check_ids("prompt", prompt, model()->geometry().vocab_size);
    check_room(prompt.size(), capacity());
    const auto now = tokens();
    const auto common = static_cast<std::size_t>(std::ranges::mismatch(now, prompt).in1 - now.begin());
    impl_->cut(common);
    const std::size_t kept = impl_->evaluated();
    impl_->append(prompt.subspan(common), {}, {});
    return {kept, prompt.size() - kept};
}

void Session::append(std::span<const Token> tokens, std::span<float> every_logit, std::span<float> every_draft_logit) {
    const auto vocab = static_cast<std::size_t>(model()->geometry().vocab_size);
    check_ids("tokens", tokens, static_cast<std::int64_t>(vocab));
    check_room(length() + tokens.size(), capacity());
    for (const auto& [name, rows] : {std::pair("every_logit", every_logit), std::pair("every_draft_logit", every_draft_logit)}) {
        if (rows.empty() || rows.size() == tokens.size() * vocab) continue;
        throw Error(Status::invalid_argument, std::string(name) + ": " + std::to_string(rows.size()) + " values, expected none or " +
                                                  std::to_string(tokens.size() * vocab));
    }
    if (!every_draft_logit.empty() && !impl_->drafts()) throw Error(Status::wrong_state, "every_draft_logit: the session was made without drafts");
    if (!tokens.empty()) impl_->append(tokens, every_logit, every_draft_logit);
}

void Session::rewind(std::size_t length) {
    if (length > this->length()) {
        throw Error(Status::invalid_argument, "length: " + std::to_string(length) + ", expected at most " + std::to_string(this->length()));
    }
    impl_->cut(length);
}

void Session::save(const std::filesystem::path& path) {
    impl_->cut(length());  // no guesses
    session::save(*impl_, path);
}

void Session::load(const Source& source) { session::load(*impl_, source); }

Session Session::fork() const { return Session(std::make_unique<Impl>(*impl_)); }

std::span<const float> Session::logits() {
    if (length() == 0) throw Error(Status::wrong_state, "session: an empty timeline has no logits");
    return impl_->logits();
}

void Session::evaluate_batch(std::span<Session* const> sessions, std::span<std::exception_ptr> failures) {
    if (failures.size() != sessions.size()) {
        throw Error(Status::invalid_argument, "failures: " + std::to_string(failures.size()) + " places, expected " + std::to_string(sessions.size()));
    }
    std::vector<session::Timeline*> timelines;
    timelines.reserve(sessions.size());
    const auto refuse = [&](Status status, const char* why) { throw Error(status, "sessions[" + std::to_string(timelines.size()) + "]: " + why); };
    for (const Session* const session : sessions) {
        if (session == nullptr) refuse(Status::invalid_argument, "null");
        if (std::ranges::find(timelines, session->impl_.get()) != timelines.end()) refuse(Status::invalid_argument, "stands twice in the batch");
        if (session->length() == 0) refuse(Status::wrong_state, "an empty timeline has no logits");
        timelines.push_back(session->impl_.get());
    }
    std::ranges::fill(failures, nullptr);
    session::Timeline::evaluate_batch(timelines, failures);
}

std::span<const Token> Session::tokens() const noexcept { return impl_->tokens(); }
std::size_t Session::length() const noexcept { return impl_->length(); }
std::size_t Session::capacity() const noexcept { return impl_->capacity(); }
SessionMetrics Session::metrics() const noexcept { return impl_->metrics(); }
const std::shared_ptr<const Model>& Session::model() const noexcept { return impl_->model(); }
void Session::cancel() const noexcept { impl_->cancel(); }
void Session::observe(SessionObserver* observer) noexcept { impl_->observe(observer); }

}  // namespace rorqual
