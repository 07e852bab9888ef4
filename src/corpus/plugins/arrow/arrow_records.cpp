// SPDX-License-Identifier: Apache-2.0
// liblf_arrow.so: rows of Parquet files and of Arrow IPC files and streams (the shards of saved Hugging Face datasets).
// The only file that includes Arrow, which costs 12 s to compile.
#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <parquet/arrow/reader.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/corpus/records.h"

namespace loongforge::corpus {

namespace {

Json to_json(const arrow::Array& array, int64_t i);

Json list_to_json(const arrow::Array& values, int64_t begin, int64_t end) {
  Json list = Json::array();
  for (int64_t i = begin; i < end; ++i) list.push_back(to_json(values, i));
  return list;
}

template <class List>
Json list_at(const arrow::Array& array, int64_t i) {
  const auto& list = static_cast<const List&>(array);
  return list_to_json(*list.values(), list.value_offset(i), list.value_offset(i) + list.value_length(i));
}

template <class Text>
Json text_at(const arrow::Array& array, int64_t i) {
  return std::string(static_cast<const Text&>(array).GetView(i));
}

template <class Number>
Json number_at(const arrow::Array& array, int64_t i) {
  return static_cast<const Number&>(array).Value(i);
}

Json struct_at(const arrow::StructArray& array, int64_t i) {
  Json object = Json::object();
  for (int field = 0; field < array.num_fields(); ++field) {
    object[array.struct_type()->field(field)->name()] = to_json(*array.field(field), i);
  }
  return object;
}

Json to_json(const arrow::Array& array, int64_t i) {
  using arrow::Type;
  if (array.IsNull(i)) return nullptr;
  switch (array.type_id()) {
    case Type::BOOL: return number_at<arrow::BooleanArray>(array, i);
    case Type::INT8: return number_at<arrow::Int8Array>(array, i);
    case Type::INT16: return number_at<arrow::Int16Array>(array, i);
    case Type::INT32: return number_at<arrow::Int32Array>(array, i);
    case Type::INT64: return number_at<arrow::Int64Array>(array, i);
    case Type::UINT8: return number_at<arrow::UInt8Array>(array, i);
    case Type::UINT16: return number_at<arrow::UInt16Array>(array, i);
    case Type::UINT32: return number_at<arrow::UInt32Array>(array, i);
    case Type::UINT64: return number_at<arrow::UInt64Array>(array, i);
    case Type::FLOAT: return number_at<arrow::FloatArray>(array, i);
    case Type::DOUBLE: return number_at<arrow::DoubleArray>(array, i);
    case Type::STRING: return text_at<arrow::StringArray>(array, i);
    case Type::LARGE_STRING: return text_at<arrow::LargeStringArray>(array, i);
    case Type::STRING_VIEW: return text_at<arrow::StringViewArray>(array, i);
    case Type::LIST: return list_at<arrow::ListArray>(array, i);
    case Type::LARGE_LIST: return list_at<arrow::LargeListArray>(array, i);
    case Type::FIXED_SIZE_LIST: return list_at<arrow::FixedSizeListArray>(array, i);
    case Type::STRUCT: return struct_at(static_cast<const arrow::StructArray&>(array), i);
    case Type::DICTIONARY: {
      const auto& encoded = static_cast<const arrow::DictionaryArray&>(array);
      return to_json(*encoded.dictionary(), encoded.GetValueIndex(i));
    }
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::FIXED_SIZE_BINARY: return nullptr;  // media, not text
    default: {
      const auto scalar = array.GetScalar(i);
      return scalar.ok() ? Json((*scalar)->ToString()) : Json();
    }
  }
}

class ArrowRecords final : public RecordReader {
 public:
  explicit ArrowRecords(const std::string& path) : path_(path) {
    file_ = need(arrow::io::MemoryMappedFile::Open(path, arrow::io::FileMode::READ));
    const auto magic = need(file_->ReadAt(0, 6));
    if (std::filesystem::path(path).extension() == ".parquet") {
      open_parquet();
    } else if (magic->ToString() == "ARROW1") {
      ipc_file_ = need(arrow::ipc::RecordBatchFileReader::Open(file_));
    } else {
      batches_ = need(arrow::ipc::RecordBatchStreamReader::Open(file_));
    }
    bytes_ = need(file_->GetSize());
  }

  bool next(Record& record) override {
    while (!batch_ || at_ == batch_->num_rows()) {
      if (!(batch_ = next_batch())) return false;
      if (const auto valid = batch_->ValidateFull(); !valid.ok()) damaged(valid);
      at_ = 0;
    }
    Json row = Json::object();
    for (int column = 0; column < batch_->num_columns(); ++column) {
      row[batch_->column_name(column)] = to_json(*batch_->column(column), at_);
    }
    ++at_;
    record.json = row.dump(-1, ' ', false, Json::error_handler_t::replace);
    record.number = ++number_;
    record.key.clear();
    return true;
  }
  int64_t position() const override { return rows_ > 0 ? number_ : file_->Tell().ValueOr(0); }
  int64_t size() const override { return rows_ > 0 ? rows_ : bytes_; }

 private:
  [[noreturn]] void damaged(const arrow::Status& status) const {
    std::string why = status.message().substr(0, status.message().find('\n'));
    throw DataError(fmt::format("{}: {}{}", path_, why, number_ > 0 ? fmt::format(" (after row {})", number_) : ""),
                    "the file is damaged, cut off, or no Parquet or Arrow file; fetch it again");
  }
  template <class T>
  T need(arrow::Result<T> result) const {
    if (!result.ok()) damaged(result.status());
    return std::move(result).ValueUnsafe();
  }

  void open_parquet() {
    parquet_ = need(parquet::arrow::OpenFile(file_, arrow::default_memory_pool()));
    rows_ = parquet_->parquet_reader()->metadata()->num_rows();
    batches_ = need(parquet_->GetRecordBatchReader());
  }

  std::shared_ptr<arrow::RecordBatch> next_batch() {
    if (!ipc_file_) return need(batches_->Next());
    if (file_batch_ == ipc_file_->num_record_batches()) return nullptr;
    return need(ipc_file_->ReadRecordBatch(file_batch_++));
  }

  std::string path_;
  std::shared_ptr<arrow::io::MemoryMappedFile> file_;
  std::unique_ptr<parquet::arrow::FileReader> parquet_;  // outlives the batches
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> ipc_file_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  int64_t at_ = 0, number_ = 0, rows_ = 0, bytes_ = 0;
  int file_batch_ = 0;
};

}  // namespace

/// Errors: DataError. The caller owns the reader.
extern "C" RecordReader* lf_open_arrow(const char* path) {
  try {
    return new ArrowRecords(path);
  } catch (const parquet::ParquetException& error) {
    throw DataError(fmt::format("{}: {}", path, error.what()), "the file is damaged; fetch it again");
  }
}

}  // namespace loongforge::corpus
