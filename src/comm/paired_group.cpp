// SPDX-License-Identifier: Apache-2.0
#include "comm/paired_group.h"

#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

class PairedGroup final : public GroupImpl {
 public:
  PairedGroup(std::shared_ptr<GroupImpl> device, std::shared_ptr<GroupImpl> host)
      : device_(std::move(device)), host_(std::move(host)) {}

  Work all_reduce(at::Tensor tensor, ReduceOp op) override { return of(tensor).all_reduce(tensor, op); }
  Work all_gather(at::Tensor out, at::Tensor in) override { return of(out, in).all_gather(out, in); }
  Work reduce_scatter(at::Tensor out, at::Tensor in) override { return of(out, in).reduce_scatter(out, in); }
  Work all_to_all_v(at::Tensor out, at::Tensor in, std::vector<int64_t> out_splits,
                    std::vector<int64_t> in_splits) override {
    return of(out, in).all_to_all_v(out, in, std::move(out_splits), std::move(in_splits));
  }
  Work broadcast(at::Tensor tensor, int root) override { return of(tensor).broadcast(tensor, root); }
  Work isend(at::Tensor tensor, int to, int64_t tag) override { return of(tensor).isend(tensor, to, tag); }
  Work irecv(at::Tensor tensor, int from, int64_t tag) override { return of(tensor).irecv(tensor, from, tag); }
  Work barrier() override { return host_->barrier(); }

  std::shared_ptr<GroupImpl> split(const std::vector<int>& members, const std::string& name) override {
    auto device = device_->split(members, name), host = host_->split(members, name);
    return host ? make_paired_group(std::move(device), std::move(host)) : nullptr;
  }
  /// The reason is in the store before the device's communicators go down.
  void abort(const std::string& why) override {
    host_->abort(why);
    device_->abort(why);
  }
  at::Device device() const override { return device_->device(); }

 private:
  GroupImpl& of(const at::Tensor& tensor) const { return tensor.is_cpu() ? *host_ : *device_; }
  GroupImpl& of(const at::Tensor& out, const at::Tensor& in) const {
    LF_ASSERT(out.device() == in.device(), "a collective from {} to {}", in.device().str(), out.device().str());
    return of(out);
  }

  std::shared_ptr<GroupImpl> device_, host_;
};

}  // namespace

std::shared_ptr<GroupImpl> make_paired_group(std::shared_ptr<GroupImpl> device, std::shared_ptr<GroupImpl> host) {
  return std::make_shared<PairedGroup>(std::move(device), std::move(host));
}

}  // namespace loongforge::comm
