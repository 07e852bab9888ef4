// SPDX-License-Identifier: Apache-2.0
// Device tensors between ranks that are threads: each rank works on its own current stream.
#pragma once
#include "comm/thread_state.h"

namespace loongforge::comm {

/// The point in the calling thread's current stream where `call`'s tensors are ready; nothing for tensors of the host.
std::optional<c10::Event> point_in_stream(const ThreadCall& call);
/// The calling thread's current streams wait for what all callers had given to theirs.
void await_callers(const ThreadOp& op);
/// After the work: where the calling thread's current streams stand, for the callers to wait for. The memory of the
/// tensors is not reused before that.
std::vector<c10::Event> points_after(const ThreadOp& op);
/// The current stream of `device` waits for `points`.
void await_points(std::vector<c10::Event>& points, c10::Device device);

}  // namespace loongforge::comm
