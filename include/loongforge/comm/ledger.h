// SPDX-License-Identifier: Apache-2.0
// The collective ledger: a ring of what a rank has communicated, in shared memory, so that it can be read after the
// process has hung or died. Comparing the ledgers of all ranks names the one that fell behind or did something else.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::comm {

enum class OpKind : uint8_t { all_reduce, all_gather, reduce_scatter, all_to_all_v, broadcast, send, recv, barrier };
std::string_view op_name(OpKind kind);
constexpr bool is_message(OpKind kind) { return kind == OpKind::send || kind == OpKind::recv; }

enum class OpState : uint8_t { empty, enqueued, started, completed, failed };
std::string_view state_name(OpState state);

/// One operation of one rank. Plain data: it lies in the shared file as it is. Times are nanoseconds since 1970.
struct LedgerRecord {
  static constexpr uint8_t kNoDtype = 255;
  uint64_t id = 0;        ///< 1, 2, … over all operations of the rank; 0: unused
  uint64_t sequence = 0;  ///< 0, 1, … over the collectives of the group, or over the messages to/from one peer and tag
  char group[64] = {};    ///< name and world ranks, cut to fit
  OpKind op = OpKind::barrier;
  uint8_t dtype = kNoDtype;  ///< loongforge::Dtype
  OpState state = OpState::empty;
  uint8_t dims = 0;
  int32_t peer = -1;  ///< root or partner (rank in the group), -1: none
  int64_t tag = 0;
  int64_t shape[6] = {};
  uint64_t bytes = 0;
  int64_t enqueue_ns = 0, start_ns = 0, end_ns = 0;
};

/// Writes the ledger of one rank. Thread-safe; costs a fraction of a microsecond an operation.
class Ledger {
 public:
  static constexpr uint32_t kDefaultCapacity = 1024;

  /// In anonymous memory: readable only by this process.
  explicit Ledger(int rank, uint32_t capacity = kDefaultCapacity);
  /// In the file `path`, created or replaced. Throws ResourceError when it can't be made.
  Ledger(int rank, const std::string& path, uint32_t capacity = kDefaultCapacity);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Enters an operation (its id, sequence, state and enqueue time are filled in here) and returns its id.
  uint64_t enqueue(LedgerRecord record);
  void start(uint64_t id);
  void finish(uint64_t id, bool ok);

  /// Removes the file (and its folder, once empty) when this object goes and nothing has failed or is unfinished.
  void remove_if_clean() { remove_if_clean_ = true; }

  int rank() const;
  /// The records still in the ring, oldest first.
  std::vector<LedgerRecord> records() const;

 private:
  struct Header;
  LedgerRecord* find(uint64_t id) const;
  void map(int rank, int fd, uint32_t capacity);

  Header* header_ = nullptr;
  LedgerRecord* ring_ = nullptr;
  size_t mapped_bytes_ = 0;
  std::string path_;
  bool remove_if_clean_ = false;
  std::mutex mutex_;
  std::map<std::string, uint64_t> sequences_;
  friend struct LedgerFile;
};

/// A ledger read back.
struct LedgerFile {
  int rank = 0;
  std::vector<LedgerRecord> records;
  /// Throws DataError when `path` is not a ledger.
  static LedgerFile read(const std::string& path);
};

/// All ledgers of a folder, by rank; files that are none are passed over. Empty when there is no such folder.
std::vector<LedgerFile> read_ledgers(const std::string& folder);

/// One line a record: group, sequence, op, dtype, shape, bytes, state, times.
std::string to_text(const LedgerRecord& record);
std::string to_text(const LedgerFile& ledger);

/// What differs between the ranks' ledgers, one sentence each, the likely culprit first: a rank that is behind the others
/// in a group, or that did another operation (op, dtype, shape) at the same sequence. Empty when they agree.
std::vector<std::string> find_culprits(const std::vector<LedgerFile>& ledgers);

}  // namespace loongforge::comm
