// SPDX-License-Identifier: Apache-2.0
#include "loongforge/comm/ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

constexpr char kMagic[8] = {'L', 'F', 'L', 'E', 'D', 'G', 'R', '1'};

int64_t now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// Messages are numbered for each partner and tag: ranks of a group exchange different numbers of them.
std::string sequence_key(const LedgerRecord& record) {
  std::string key = record.group;
  if (is_message(record.op)) key += fmt::format("|{}|{}|{}", op_name(record.op), record.peer, record.tag);
  return key;
}

}  // namespace

struct Ledger::Header {
  char magic[8];
  uint32_t record_bytes;
  uint32_t capacity;
  int32_t rank;
  int32_t process;
  uint64_t last_id;
};

Ledger::Ledger(int rank, uint32_t capacity) { map(rank, -1, capacity); }

Ledger::Ledger(int rank, const std::string& path, uint32_t capacity) : path_(path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    throw ResourceError(fmt::format("cannot create the collective ledger: {} ({})", std::strerror(errno), path),
                        "choose a writable folder");
  }
  if (::ftruncate(fd, static_cast<off_t>(sizeof(Header) + capacity * sizeof(LedgerRecord))) != 0) {
    const int error = errno;
    ::close(fd);
    throw ResourceError(fmt::format("cannot size the collective ledger: {} ({})", std::strerror(error), path));
  }
  map(rank, fd, capacity);
  ::close(fd);
}

Ledger::~Ledger() {
  if (!header_) return;
  const bool clean = std::all_of(ring_, ring_ + header_->capacity, [](const LedgerRecord& record) {
    return record.state == OpState::empty || record.state == OpState::completed;
  });
  ::munmap(header_, mapped_bytes_);
  if (!remove_if_clean_ || !clean) return;
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  std::filesystem::remove(std::filesystem::path(path_).parent_path(), ignored);
}

void Ledger::map(int rank, int fd, uint32_t capacity) {
  static_assert(sizeof(Header) % alignof(LedgerRecord) == 0);
  mapped_bytes_ = sizeof(Header) + capacity * sizeof(LedgerRecord);
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) throw ResourceError(fmt::format("cannot map the ledger: {}", std::strerror(errno)));
  header_ = static_cast<Header*>(memory);
  ring_ = reinterpret_cast<LedgerRecord*>(header_ + 1);
  header_->record_bytes = sizeof(LedgerRecord);
  header_->capacity = capacity;
  header_->rank = rank;
  header_->process = static_cast<int32_t>(::getpid());
  std::memcpy(header_->magic, kMagic, sizeof(kMagic));
}

int Ledger::rank() const { return header_->rank; }

uint64_t Ledger::enqueue(LedgerRecord record) {
  std::lock_guard lock(mutex_);
  record.sequence = sequences_[sequence_key(record)]++;
  record.id = ++header_->last_id;
  record.state = OpState::enqueued;
  record.enqueue_ns = now_ns();
  ring_[record.id % header_->capacity] = record;
  return record.id;
}

LedgerRecord* Ledger::find(uint64_t id) const {
  LedgerRecord& record = ring_[id % header_->capacity];
  return record.id == id ? &record : nullptr;
}

void Ledger::start(uint64_t id) {
  std::lock_guard lock(mutex_);
  LedgerRecord* record = find(id);
  if (!record || record->state != OpState::enqueued) return;
  record->start_ns = now_ns();
  record->state = OpState::started;
}

void Ledger::finish(uint64_t id, bool ok) {
  std::lock_guard lock(mutex_);
  LedgerRecord* record = find(id);
  if (!record || record->state > OpState::started) return;
  record->end_ns = now_ns();
  record->state = ok ? OpState::completed : OpState::failed;
}

std::vector<LedgerRecord> Ledger::records() const {
  std::vector<LedgerRecord> records(ring_, ring_ + header_->capacity);
  std::erase_if(records, [](const LedgerRecord& r) { return r.id == 0; });
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return records;
}

LedgerFile LedgerFile::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Ledger::Header header{};
  const bool has_header = bytes.size() >= sizeof(header);
  if (has_header) std::memcpy(&header, bytes.data(), sizeof(header));
  if (!has_header || std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      header.record_bytes != sizeof(LedgerRecord) ||
      bytes.size() != sizeof(header) + size_t{header.capacity} * sizeof(LedgerRecord)) {
    throw DataError(fmt::format("not a collective ledger of this version ({})", path));
  }
  LedgerFile ledger;
  ledger.rank = header.rank;
  ledger.records.resize(header.capacity);
  std::memcpy(static_cast<void*>(ledger.records.data()), bytes.data() + sizeof(header), bytes.size() - sizeof(header));
  std::erase_if(ledger.records, [](const LedgerRecord& r) { return r.id == 0; });
  std::sort(ledger.records.begin(), ledger.records.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return ledger;
}

std::vector<LedgerFile> read_ledgers(const std::string& folder) {
  std::vector<LedgerFile> ledgers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".ledger") continue;
    try {
      ledgers.push_back(LedgerFile::read(entry.path().string()));
    } catch (const DataError&) {
      // Half made, or of another version: the others may still tell.
    }
  }
  std::sort(ledgers.begin(), ledgers.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return ledgers;
}

}  // namespace loongforge::comm
