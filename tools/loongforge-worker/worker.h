// SPDX-License-Identifier: Apache-2.0
// The commands that compute; each takes the arguments after its name and returns an exit code.
#pragma once
#include "cli.h"
#include "commands.h"

namespace loongforge::tools {

int train_worker(const Args& args);
int verify_worker(const Args& args);
int eval_worker(const Args& args);
int generate_worker(const Args& args);
int inspect_worker(const Args& args);
int bench_worker(const Args& args);
int bench_op(const Args& args);
int bench_step(const Args& args);
int about_worker(const Args& args);

}  // namespace loongforge::tools
