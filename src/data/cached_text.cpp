// SPDX-License-Identifier: Apache-2.0
#include "cached_text.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "loongforge/core/checksum.h"
#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/json.h"
#include "loongforge/core/log.h"
#include "loongforge/corpus/sft.h"
#include "loongforge/corpus/tokenize.h"
#include "loongforge/tokenizer/tokenizer.h"

namespace loongforge::data {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr auto kProgressEvery = std::chrono::seconds(10);

/// Tells how far a file is, at most every ten seconds.
class Progress {
 public:
  void operator()(const std::string& file, double done, double total) {
    const auto now = Clock::now();
    if (now - last_ < kProgressEvery) return;
    last_ = now;
    log_info("tokenizing {}: {:.0f} %", file, total > 0 ? 100 * std::min(done / total, 1.0) : 100.0);
  }

 private:
  Clock::time_point last_ = Clock::now();
};

/// Text of the tokenizer's files: part of the cache's name.
std::string tokenizer_text(const BuiltinRequest& request) {
  if (request.tokenizer.empty()) {
    throw ConfigError(fmt::format("data.kind={} needs data.tokenizer", request.kind),
                      "name a tokenizer's file or the folder that holds one");
  }
  std::string text;
  for (const auto& file : tokenizer::tokenizer_files(request.tokenizer)) text += read_file(file);
  return text;
}

/// Name, size and time of each file: what is read again only when it changed.
std::string describe(const std::vector<std::string>& files) {
  std::string text;
  for (const auto& file : files) {
    std::error_code missing;
    const auto size = fs::file_size(file, missing);
    if (missing) throw_file_error(FileRole::data, "read", file, missing.value());
    text += fmt::format("|{} {} {}", fs::absolute(file).string(), size,
                        fs::last_write_time(file).time_since_epoch().count());
  }
  return text;
}

double holdout_of(const BuiltinRequest& request, Part part) {
  return part == Part::whole ? 0.0 : request.valid_fraction;
}

corpus::BadRecord bad_records_of(const BuiltinRequest& request) {
  return request.bad_records == "skip" ? corpus::BadRecord::skip : corpus::BadRecord::fail;
}

/// The prefix of `part` under `stem`; makes the files by `make` when they aren't there.
std::string cached(const BuiltinRequest& request, const std::string& key, Part part,
                   const std::function<void(const std::string& stem)>& make) {
  const std::string stem = fmt::format("{}/{:016x}", request.cache_dir, checksum(key));
  // The validation part is finished last.
  if (!fs::exists(stem + (part == Part::whole ? "" : "_valid") + ".idx")) {
    make_folders(request.cache_dir, FileRole::data);
    make(stem);
  }
  if (part == Part::whole) return stem;
  return stem + (part == Part::valid ? "_valid" : "_train");
}

void warn_of(const std::vector<std::string>& records) {
  for (const auto& record : records) log_warning("{}", record);
}

Json special_tokens(const fs::path& folder) {
  Json tokens = Json::object();
  const fs::path file = folder / "tokenizer_config.json";
  if (!fs::exists(file)) return tokens;
  const Json settings = read_json(file);
  for (const char* name : {"bos_token", "eos_token", "pad_token", "unk_token"}) {
    if (!settings.contains(name)) continue;
    const Json& token = settings[name];
    if (token.is_string()) tokens[name] = token;
    if (token.is_object() && token.contains("content")) tokens[name] = token["content"];
  }
  return tokens;
}

fs::path tokenizer_folder(const BuiltinRequest& request) {
  const fs::path given = request.tokenizer;
  return fs::is_directory(given) ? given : given.parent_path();
}

/// data.chat_template names a file, or one of the folder's templates.
tokenizer::ChatTemplate open_template(const BuiltinRequest& request) {
  const fs::path folder = tokenizer_folder(request);
  const std::string& name = request.conversations.chat_template;
  if (!name.empty() && fs::is_regular_file(name)) {
    return tokenizer::ChatTemplate::from_text(read_file(name, FileRole::config), special_tokens(folder), name);
  }
  return tokenizer::ChatTemplate::from_folder(folder, name);
}

tokenizer::MaskOptions mask_of(const ConversationRequest& request) {
  tokenizer::MaskOptions mask;
  if (request.train_on == "last") mask.train_on = tokenizer::TrainOn::last;
  if (request.train_on == "completions") mask.train_on = tokenizer::TrainOn::completions;
  return mask;
}

}  // namespace

std::string cached_documents(const BuiltinRequest& request, const std::vector<std::string>& files, Part part) {
  const double holdout = holdout_of(request, part);
  const std::string key = tokenizer_text(request) +
                          fmt::format("documents {} {} {} {} {}", request.text_key, request.append_eod, holdout,
                                      request.seed, request.bad_records) +
                          describe(files);
  return cached(request, key, part, [&](const std::string& stem) {
    corpus::TokenizeOptions options;
    options.inputs = files;
    options.output = stem;
    options.text_key = request.text_key;
    options.append_eod = request.append_eod;
    // A validation part needs documents to choose from.
    options.lines_per_document = part == Part::whole ? 0 : 20;
    options.holdout = holdout;
    options.holdout_seed = request.seed;
    options.bad_records = bad_records_of(request);
    log_info("tokenizing {} file(s) into {}, once", files.size(), request.cache_dir);
    Progress progress;
    const auto report = corpus::tokenize_corpus(
        tokenizer::Tokenizer::from_file(request.tokenizer), options,
        [&](int64_t done, int64_t total) { progress("text", static_cast<double>(done), static_cast<double>(total)); });
    warn_of(report.skipped_records);
    log_info("{} documents, {} tokens{}", report.train_documents + report.valid_documents,
             report.train_ids + report.valid_ids,
             report.skipped > 0 ? fmt::format("; {} bad records passed over", report.skipped) : "");
  });
}

std::string cached_conversations(const BuiltinRequest& request, const std::vector<std::string>& files, Part part) {
  const auto chat = open_template(request);
  const auto& choices = request.conversations;
  const double holdout = holdout_of(request, part);
  const std::string key = tokenizer_text(request) + chat.source() + special_tokens(tokenizer_folder(request)).dump() +
                          Json(choices.columns).dump() +
                          fmt::format("conversations {} {} {} {} {}", choices.format, choices.train_on, holdout,
                                      request.seed, request.bad_records) +
                          describe(files);
  return cached(request, key, part, [&](const std::string& stem) {
    corpus::SftOptions options;
    options.inputs = files;
    options.output = stem;
    options.layout = {choices.format, choices.columns};
    options.mask = mask_of(choices);
    options.holdout = holdout;
    options.holdout_seed = request.seed;
    options.bad_records = bad_records_of(request);
    log_info("tokenizing {} file(s) of conversations into {}, once", files.size(), request.cache_dir);
    const auto report =
        corpus::tokenize_conversations(tokenizer::Tokenizer::from_file(request.tokenizer), chat, options, Progress());
    warn_of(report.examples);
    log_info("{}", report.summary());
  });
}

}  // namespace loongforge::data
