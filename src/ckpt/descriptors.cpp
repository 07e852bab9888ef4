// SPDX-License-Identifier: Apache-2.0
#include "ckpt/descriptors.h"

#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::ckpt {

namespace {

template <ExitCode kCode>
[[noreturn]] void rethrow(const std::string& what, const std::string& hint) {
  throw ErrorOf<kCode>(what, hint);
}

}  // namespace

std::vector<std::vector<Descriptor>> gather_descriptors(std::span<const comm::PlacedBox> boxes,
                                                        const comm::Group& group) {
  Json mine = Json::array();
  for (const auto& box : boxes) {
    mine.push_back({box.spec->name, box.logical.start, box.logical.size,
                    static_cast<int>(platform::from_torch(box.data.scalar_type()))});
  }
  std::vector<std::vector<Descriptor>> all;
  for (const auto& bytes : group.all_gather_bytes(mine.dump())) {
    std::vector<Descriptor> of_rank;
    for (const auto& entry : Json::parse(bytes)) {
      of_rank.push_back({entry[0], {entry[1], entry[2]}, static_cast<Dtype>(entry[3].get<int>())});
    }
    all.push_back(std::move(of_rank));
  }
  return all;
}

std::string describe_failure(const std::exception& failure) {
  Json text = {{"code", 0}, {"what", failure.what()}, {"hint", ""}};
  if (const auto* known = dynamic_cast<const Error*>(&failure)) {
    text["code"] = static_cast<int>(known->code());
    text["hint"] = known->hint();
  }
  return text.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void throw_if_any_failed(const comm::Group& group, const std::string& failure) {
  for (const auto& bytes : group.all_gather_bytes(failure)) {
    if (bytes.empty()) continue;
    const Json text = Json::parse(bytes);
    const std::string what = text["what"], hint = text["hint"];
    switch (static_cast<ExitCode>(text["code"].get<int>())) {
      case ExitCode::usage: rethrow<ExitCode::usage>(what, hint);
      case ExitCode::data: rethrow<ExitCode::data>(what, hint);
      case ExitCode::checkpoint: rethrow<ExitCode::checkpoint>(what, hint);
      case ExitCode::comm: rethrow<ExitCode::comm>(what, hint);
      case ExitCode::resource: rethrow<ExitCode::resource>(what, hint);
      default: throw std::runtime_error(what);
    }
  }
}

}  // namespace loongforge::ckpt
