// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <vector>

#include "loongforge/corpus/sample.h"
#include "loongforge/data/dataset.h"

namespace loongforge::data {

struct Sources {
  std::vector<std::unique_ptr<corpus::SampleSource>> parts;
  std::string summary;  ///< one line a part that has something to tell
};

/// Several sources one after another, as packed rows.
std::shared_ptr<const Dataset> make_rows_dataset(Sources sources);
/// The same sources mixed by weights (one each, > 0): position p of the order is sample k of part d by corpus::Blend,
/// and that one the k-th of d's own endless order. An epoch is as many samples as all parts have.
std::shared_ptr<const Dataset> make_blended_dataset(Sources sources, const std::vector<double>& weights);

}  // namespace loongforge::data
