// SPDX-License-Identifier: Apache-2.0
#include "loongforge/step/seams.h"

namespace loongforge::step {

RegionComm& region_of(const Seams& seams) {
  static RegionComm one_rank;  // has no state
  return seams.region ? *seams.region : one_rank;
}

}  // namespace loongforge::step
