// SPDX-License-Identifier: Apache-2.0
// State: the small ordered map of named tensors that flows from block to block. MicroBatch: the ordered map of named
// tensors without gradient that every stage has.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace loongforge::step {

/// Ordered map name → tensor; order of insertion is kept (it is the order of P2P transfers).
class State {
 public:
  struct Entry {
    std::string name;
    at::Tensor tensor;
    bool differentiable = true;
  };
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// LF_ASSERTs that the entry exists.
  const at::Tensor& get(std::string_view name) const;
  /// Replaces or appends.
  void set(std::string_view name, at::Tensor tensor, bool differentiable = true);
  /// Removes and returns.
  at::Tensor take(std::string_view name);
  std::vector<Entry>& entries() { return entries_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  const Entry* find(std::string_view name) const;
  std::vector<Entry> entries_;
};

/// Name of the main stream of activations, [rows, hidden_size]; rows are the positions of all documents one after another.
inline constexpr std::string_view kHidden = "hidden";

/// What each dimension of a batch tensor counts, so that parallel code splits it without knowing its meaning.
enum class AxisRole : uint8_t { none, sample, sequence };

struct BatchTensor {
  at::Tensor tensor;
  std::vector<AxisRole> roles;  ///< one per dimension
  std::string packing;          ///< which packing a sequence dimension belongs to ("text"); empty otherwise
};

/// Inputs of one microbatch. Tensors may be on the device; `host` holds small integer lists that shape the work and
/// are known without reading the device (cumulative lengths, counts).
class MicroBatch {
 public:
  bool has(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  const at::Tensor& get(std::string_view name) const;  ///< LF_ASSERTs that it exists
  void set(std::string_view name, BatchTensor value) { tensors_.insert_or_assign(std::string(name), std::move(value)); }
  const std::map<std::string, BatchTensor, std::less<>>& tensors() const { return tensors_; }
  std::map<std::string, BatchTensor, std::less<>>& tensors() { return tensors_; }

  bool has_host(std::string_view name) const { return host_.find(name) != host_.end(); }
  const std::vector<int64_t>& host(std::string_view name) const;
  void set_host(std::string_view name, std::vector<int64_t> value) { host_.insert_or_assign(std::string(name), std::move(value)); }
  const std::map<std::string, std::vector<int64_t>, std::less<>>& hosts() const { return host_; }

  /// Global weight sums of this microbatch's loss terms, on the host (fp64), from Model::loss_weights.
  std::map<std::string, double, std::less<>> loss_weights;

 private:
  std::map<std::string, BatchTensor, std::less<>> tensors_;
  std::map<std::string, std::vector<int64_t>, std::less<>> host_;
};

// Names used by language models (systems and data agree on them; the core never reads them):
//   ids        int64 [rows]      positions int64 [rows]     labels int64 [rows] (already shifted; −100: none)
//   label_weights fp64 [rows]    sample_ids int64 [rows] when something draws randomness
//   host cu_seqlens [documents+1], host max_position [1]

}  // namespace loongforge::step
