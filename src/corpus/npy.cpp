// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/npy.h"

#include <cstring>
#include <regex>

#include "loongforge/core/error.h"

namespace loongforge::corpus {

namespace {

constexpr std::string_view kNumpyMagic{"\x93NUMPY", 6};

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw DataError(fmt::format("{}: {}", path, why),
                  "save rows as a C-ordered integer array: np.save(f, a.astype(np.int32))");
}

template <class T>
void append(const std::byte* at, int64_t count, std::vector<int64_t>& out) {
  for (int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, at + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    out.push_back(static_cast<int64_t>(value));
  }
}

}  // namespace

NpyRows::NpyRows(const std::string& path) : path_(path), file_(path) {
  const auto text = file_.text();
  if (text.size() < 12 || text.substr(0, 6) != kNumpyMagic) fail(path, "is no .npy file");
  const int major = static_cast<unsigned char>(text[6]);
  uint32_t header = 0;
  std::memcpy(&header, text.data() + 8, major == 1 ? 2 : 4);
  const size_t start = major == 1 ? 10 : 12;
  if (major < 1 || major > 3 || header > text.size() - start) fail(path, "has a damaged header");
  const std::string description(text.substr(start, header));
  static const std::regex kDescr(R"('descr':\s*'([<|])([iu])([1248])')"), kOrder(R"('fortran_order':\s*False)"),
      kShape(R"('shape':\s*\(\s*(\d{1,15})\s*,\s*(\d{1,15})\s*,?\s*\))");
  std::smatch type, shape;
  if (!std::regex_search(description, type, kDescr)) fail(path, "holds no little-endian integers");
  if (!std::regex_search(description, kOrder)) fail(path, "is in Fortran order");
  if (!std::regex_search(description, shape, kShape)) fail(path, "is not two-dimensional [samples, length]");
  kind_ = type[2].str()[0];
  size_ = std::stoi(type[3].str());
  rows_ = std::stoll(shape[1].str());
  length_ = std::stoll(shape[2].str());
  data_ = start + header;
  const auto room = static_cast<int64_t>(text.size() - data_) / size_;
  if (length_ > 0 && rows_ > room / length_)
    fail(path, fmt::format("is truncated: [{}, {}] don't fit", rows_, length_));
}

std::vector<int64_t> NpyRows::row(int64_t index) const {
  LF_ASSERT(index >= 0 && index < rows_);
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(length_));
  const std::byte* at = file_.bytes().data() + data_ + static_cast<size_t>(index * length_ * size_);
  const bool is_signed = kind_ == 'i';
  switch (size_) {
    case 1: is_signed ? append<int8_t>(at, length_, out) : append<uint8_t>(at, length_, out); break;
    case 2: is_signed ? append<int16_t>(at, length_, out) : append<uint16_t>(at, length_, out); break;
    case 4: is_signed ? append<int32_t>(at, length_, out) : append<uint32_t>(at, length_, out); break;
    default: append<int64_t>(at, length_, out); break;
  }
  return out;
}

}  // namespace loongforge::corpus
