// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <tuple>

#include "loongforge/platform/dtype.h"
#include "parallel/store_impl.h"

namespace loongforge::parallel {
namespace {

constexpr int64_t kAlignment = 64;   // elements; a start of a parameter
constexpr int64_t kPadMultiple = 128;

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Entries with equal keys may share a bucket.
using Key = std::tuple<at::ScalarType, at::ScalarType, at::ScalarType, bool, std::string, std::vector<int>>;

Key key_of(const Entry& entry, const StorePolicy& policy, bool tied) {
  const spec::ParamSpec& spec = entry.param->spec();
  const Dtype weight = spec.dtype.param.value_or(policy.compute);
  const Dtype grad = spec.dtype.grad.value_or(policy.grad.value_or(acc(weight)));
  const Dtype master = spec.dtype.master.value_or(policy.master.value_or(acc(weight)));
  const bool per_block = policy.zero >= 2;
  return {platform::to_torch(weight), platform::to_torch(grad), platform::to_torch(master), entry.param->trainable(),
          tied ? spec.name : std::string(), per_block ? entry.blocks : std::vector<int>()};
}

std::unique_ptr<Bucket> open_bucket(const Key& key) {
  auto bucket = std::make_unique<Bucket>();
  std::tie(bucket->weight_dtype, bucket->grad_dtype, bucket->master_dtype, bucket->trainable, std::ignore, std::ignore) = key;
  return bucket;
}

void append(Bucket& bucket, Entry& entry) {
  entry.bucket = &bucket;
  entry.offset = round_up(bucket.size, kAlignment);
  bucket.size = entry.offset + entry.count;
  bucket.entries.push_back(&entry);
  for (int block : entry.blocks) {
    if (std::find(bucket.blocks.begin(), bucket.blocks.end(), block) == bucket.blocks.end()) bucket.blocks.push_back(block);
  }
}

bool full(const Bucket& bucket, const StorePolicy& policy) {
  if (!policy.overlap || policy.zero >= 2) return false;
  return bucket.size * static_cast<int64_t>(c10::elementSize(bucket.grad_dtype)) >= policy.bucket_bytes;
}

}  // namespace

std::vector<std::unique_ptr<Bucket>> plan_buckets(const std::vector<std::unique_ptr<Entry>>& entries, const StorePolicy& policy,
                                                  int dp_size, const std::map<std::string, comm::Group*>& tied) {
  std::vector<std::unique_ptr<Bucket>> buckets;
  std::map<Key, Bucket*> open;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto tie = tied.find((*entry)->param->name());
    const Key key = key_of(**entry, policy, tie != tied.end());
    Bucket*& bucket = open[key];
    if (bucket == nullptr) {
      bucket = buckets.emplace_back(open_bucket(key)).get();
      if (tie != tied.end() && bucket->trainable) bucket->tied = *tie->second;
    }
    append(*bucket, **entry);
    if (full(*bucket, policy)) bucket = nullptr;
  }
  for (auto& bucket : buckets) bucket->size = round_up(bucket->size, std::lcm<int64_t>(dp_size, kPadMultiple));
  return buckets;
}

}  // namespace loongforge::parallel
