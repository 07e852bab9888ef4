// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/protobuf.h"

#include <bit>
#include <cstring>

#include "loongforge/core/error.h"

namespace loongforge::tokenizer {

void WireReader::fail(std::string_view what) const {
  throw DataError(fmt::format("{}: {} (field {})", origin_, what, field_), "is it a whole SentencePiece model?");
}

uint64_t WireReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) fail("cut off");
    auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  fail("a number is too long");
}

std::string_view WireReader::take(uint64_t count) {
  if (count > rest_.size()) fail("cut off");
  std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

bool WireReader::next() {
  if (rest_.empty()) return false;
  uint64_t tag = varint();
  field_ = tag >> 3;
  type_ = static_cast<Type>(tag & 7);
  switch (type_) {
    case Type::varint: number_ = varint(); return true;
    case Type::fixed64: bytes_ = take(8); return true;
    case Type::bytes: bytes_ = take(varint()); return true;
    case Type::fixed32: bytes_ = take(4); return true;
  }
  fail("not the wire format of protocol buffers");
}

void WireReader::expect(Type type) const {
  if (type_ != type) fail("a field of another type than expected");
}

std::string_view WireReader::bytes() const {
  expect(Type::bytes);
  return bytes_;
}

uint64_t WireReader::number() const {
  expect(Type::varint);
  return number_;
}

float WireReader::real() const {
  expect(Type::fixed32);
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; ++i) bits |= uint32_t{static_cast<uint8_t>(bytes_[i])} << (8 * i);
  return std::bit_cast<float>(bits);
}

}  // namespace loongforge::tokenizer
