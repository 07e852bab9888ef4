// SPDX-License-Identifier: Apache-2.0
// Schema: one declaration per field gives parsing into a plain struct, checks, default, help text and documents.
//
//   Section<TrainSection> s;
//   s.field("micro_batch_size", &TrainSection::micro_batch_size, {.min = 1}, "samples per rank and forward pass");
//
// The default is what the struct's own initialiser gives.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "loongforge/config/codec.h"
#include "loongforge/config/problems.h"
#include "loongforge/config/value.h"

namespace loongforge::config {

/// What a read collects besides the values.
struct Reading {
  Problems& problems;
  std::vector<std::string>& warnings;
  /// Says where an unknown key of other programs or another section belongs here; "" when it can't.
  std::function<std::string(const std::string& path)> foreign;
};

class SectionSpec;

struct Field {
  std::string name;
  std::string type;  ///< "integer ≥ 1"
  std::string doc;
  Rule rule;
  Value default_value;
  Json schema;       ///< JSON Schema of the value; null for sections
  bool free_form = false;                      ///< a map that takes any key
  std::shared_ptr<const SectionSpec> section;  ///< of nested sections
  /// Reads `value` into the member of `object`; returns it completed with the defaults.
  std::function<Value(void* object, const Value& value, const std::string& path, Reading&)> read;
};

/// The fields of one struct, without its type.
class SectionSpec {
 public:
  const std::vector<Field>& fields() const { return fields_; }
  const Field* find(std::string_view name) const;
  std::vector<std::string> names() const;
  /// Reads the map `value` (null: empty) into `object`. Unknown keys, wrong types and ranges go to reading.problems.
  /// Returns the completed map, fields in the order of declaration.
  Value read(void* object, const Value& value, const std::string& path, Reading& reading) const;

 protected:
  void add(Field field);
  std::vector<Field> fields_;

 private:
  void report_unknown(const Entry& entry, const std::string& path, Reading& reading) const;
};

template <class T>
class Section : public SectionSpec {
 public:
  template <class M>
  Section& field(const char* name, M T::*member, Rule rule, const char* doc) {
    Field f{name, Codec<M>::type(rule), doc, rule, Codec<M>::write(T{}.*member), Codec<M>::schema(rule),
            std::is_same_v<M, Value>, {}, {}};
    f.read = [member, rule](void* object, const Value& value, const std::string& path, Reading& reading) {
      std::string problem;
      if (std::optional<M> read = Codec<M>::read(value, rule, problem)) {
        static_cast<T*>(object)->*member = std::move(*read);
      } else {
        reading.problems.add(value.place, path + " " + problem);
      }
      return value;
    };
    add(std::move(f));
    return *this;
  }

  template <class U>
  Section& section(const char* name, U T::*member, const Section<U>& spec, const char* doc) {
    auto shared = std::make_shared<const Section<U>>(spec);
    Field f{name, "section", doc, {}, {}, {}, false, shared, {}};
    f.read = [member, shared](void* object, const Value& value, const std::string& path, Reading& reading) {
      return shared->read(&(static_cast<T*>(object)->*member), value, path, reading);
    };
    add(std::move(f));
    return *this;
  }

  /// Absent or null: none.
  template <class U>
  Section& section(const char* name, std::optional<U> T::*member, const Section<U>& spec, const char* doc) {
    auto shared = std::make_shared<const Section<U>>(spec);
    Field f{name, "section or null", doc, {}, {}, {}, false, shared, {}};
    f.read = [member, shared](void* object, const Value& value, const std::string& path, Reading& reading) {
      if (value.is_null()) return value;
      return shared->read(&(static_cast<T*>(object)->*member).emplace(), value, path, reading);
    };
    add(std::move(f));
    return *this;
  }
};

}  // namespace loongforge::config
