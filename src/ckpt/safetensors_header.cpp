// SPDX-License-Identifier: Apache-2.0
#include "ckpt/safetensors_header.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "loongforge/ckpt/boxes.h"
#include "loongforge/core/error.h"
#include "loongforge/core/json.h"

namespace loongforge::ckpt {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr uint64_t kLengthField = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // as the reference implementation
constexpr const char* kHint = "the file is damaged or incomplete: download or save it again";

// Names come from the file: quoted, escaped and shortened they stay on one line.
std::string named(const std::string& name) {
  std::string text = nlohmann::json(name.size() <= 200 ? name : name.substr(0, 200) + "…").dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  return "tensor " + text;
}

class HeaderParser {
 public:
  HeaderParser(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  SafetensorsHeader parse() {
    const nlohmann::json root = parse_text(header_text());
    if (!root.is_object()) fail("its header is not a JSON object");
    for (const auto& [name, entry] : root.items()) {
      if (name == "__metadata__") {
        read_metadata(entry);
      } else {
        header_.tensors.push_back(read_tensor(name, entry));
      }
    }
    check_ranges();
    return std::move(header_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw CheckpointError(fmt::format("{}: {}", file_, what), kHint);
  }

  std::string_view header_text() {
    if (bytes_.size() < kLengthField) fail(fmt::format("{} bytes are too short for a safetensors file", bytes_.size()));
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthField);
    if (length > kMaxHeader) fail(fmt::format("header length {} is over the limit of {}", length, kMaxHeader));
    if (length > bytes_.size() - kLengthField) {
      fail(fmt::format("header of {} bytes does not fit into the file of {} bytes", length, bytes_.size()));
    }
    header_.data_start = kLengthField + length;
    const std::string_view text = bytes_.substr(kLengthField, length);
    if (text.empty() || text.front() != '{') fail("its header does not start with '{'");
    return text;
  }

  nlohmann::json parse_text(std::string_view text) const {
    // The JSON library takes a zero byte for the end of its input.
    if (text.find('\0') != text.npos) fail("its header is not valid JSON (it holds a zero byte)");
    std::vector<std::set<std::string>> open;  // keys of the objects being read
    std::optional<std::string> duplicate;
    const auto watch = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
      using Event = nlohmann::json::parse_event_t;
      if (event == Event::object_start) open.emplace_back();
      if (event == Event::object_end) open.pop_back();
      if (event == Event::key && !open.back().insert(value.get<std::string>()).second) duplicate = value.get<std::string>();
      return true;
    };
    nlohmann::json root;
    try {
      root = nlohmann::json::parse(text.begin(), text.end(), watch);
    } catch (const nlohmann::json::exception& error) {
      const std::string_view what = error.what();
      fail(fmt::format("its header is not valid JSON ({})", what.substr(0, what.find('\n'))));
    }
    if (duplicate) fail(fmt::format("{} is there twice", named(*duplicate)));
    return root;
  }

  void read_metadata(const nlohmann::json& entry) {
    if (!entry.is_object()) fail("__metadata__ is not a JSON object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) fail(fmt::format("__metadata__ holds '{}', which is not a string", key));
      header_.metadata[key] = value.get<std::string>();
    }
  }

  TensorInfo read_tensor(const std::string& name, const nlohmann::json& entry) const {
    TensorInfo info;
    info.name = name;
    if (!entry.is_object()) fail(fmt::format("{} is not described by a JSON object", named(name)));
    const auto dtype = entry.find("dtype"), shape = entry.find("shape"), offsets = entry.find("data_offsets");
    if (dtype == entry.end() || !dtype->is_string()) fail(fmt::format("{} has no dtype", named(name)));
    const auto known = dtype_from_safetensors(dtype->get_ref<const std::string&>());
    if (!known) fail(fmt::format("{} has the unknown dtype {}", named(name), dtype->dump()));
    info.dtype = *known;
    if (shape == entry.end() || !shape->is_array()) fail(fmt::format("{} has no shape", named(name)));
    for (const nlohmann::json& extent : *shape) info.shape.push_back(read_extent(name, extent));
    if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 || !(*offsets)[0].is_number_unsigned() ||
        !(*offsets)[1].is_number_unsigned()) {
      fail(fmt::format("{} has no data_offsets [begin, end]", named(name)));
    }
    info.begin = (*offsets)[0].get<uint64_t>();
    info.end = (*offsets)[1].get<uint64_t>();
    check_size(info);
    return info;
  }

  int64_t read_extent(const std::string& name, const nlohmann::json& extent) const {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
      fail(fmt::format("{} has the impossible extent {}", named(name), extent.dump()));
    }
    return extent.get<int64_t>();
  }

  void check_size(const TensorInfo& info) const {
    uint64_t bytes = dtype_size(info.dtype);
    for (int64_t extent : info.shape) {
      if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes)) {
        fail(fmt::format("{} of shape {} is too large", named(info.name), describe(info.shape)));
      }
    }
    if (info.begin > info.end || info.end - info.begin != bytes) {
      fail(fmt::format("{} of {} {} needs {} bytes, its data_offsets are [{}, {}]", named(info.name),
                       safetensors_name(info.dtype), describe(info.shape), bytes, info.begin, info.end));
    }
  }

  void check_ranges() {
    std::sort(header_.tensors.begin(), header_.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    const uint64_t available = bytes_.size() - header_.data_start;
    uint64_t end = 0;
    for (const TensorInfo& info : header_.tensors) {
      if (info.end > available) {
        fail(fmt::format("{} ends at byte {} of the data, which has only {}", named(info.name), info.end, available));
      }
      if (info.begin < end) fail(fmt::format("{} overlaps the tensor before it", named(info.name)));
      if (info.begin > end) fail(fmt::format("{} bytes before {} belong to no tensor", info.begin - end, named(info.name)));
      end = info.end;
    }
    if (end != available) fail(fmt::format("{} bytes at its end belong to no tensor", available - end));
  }

  std::string_view bytes_;
  const std::string& file_;
  SafetensorsHeader header_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view file_bytes, const std::string& file) {
  return HeaderParser(file_bytes, file).parse();
}

std::string make_safetensors_header(const std::vector<TensorInfo>& tensors,
                                    const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + nlohmann::json(metadata).dump();
  for (const TensorInfo& info : tensors) {
    if (text.size() > 1) text += ',';
    text += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", nlohmann::json(info.name).dump(),
                        safetensors_name(info.dtype), fmt::join(info.shape, ","), info.begin, info.end);
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t length = text.size();
  std::string field(kLengthField, '\0');
  std::memcpy(field.data(), &length, kLengthField);
  return field + text;
}

}  // namespace loongforge::ckpt
