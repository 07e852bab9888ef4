// SPDX-License-Identifier: Apache-2.0
// The wire format of protocol buffers, one field after another.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace loongforge::tokenizer {

/// Reads the fields of one message. DataError, naming `origin`, for what isn't the wire format, and for a field that is
/// asked for as something it isn't.
class WireReader {
 public:
  WireReader(std::string_view message, const std::string& origin) : rest_(message), origin_(origin) {}

  /// Goes to the next field; false at the end.
  bool next();
  uint64_t field() const { return field_; }
  std::string_view bytes() const;
  uint64_t number() const;
  float real() const;

 private:
  enum class Type : uint64_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  uint64_t varint();
  std::string_view take(uint64_t count);
  void expect(Type type) const;
  [[noreturn]] void fail(std::string_view what) const;

  std::string_view rest_;
  const std::string& origin_;
  uint64_t field_ = 0, number_ = 0;
  Type type_ = Type::varint;
  std::string_view bytes_;
};

}  // namespace loongforge::tokenizer
