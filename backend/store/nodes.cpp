// SPDX-License-Identifier: MIT
#include "backend/store/nodes.h"

#include "backend/store/node_store.h"
#include "backend/store/transaction.h"

namespace sdns::store {

using std::chrono::milliseconds;

std::string_view node_state_name(NodeState state) {
  switch (state) {
    case NodeState::kLive:
      return "live";
    case NodeState::kSilent:
      return "silent";
    case NodeState::kExpired:
      break;
  }
  return "expired";
}

NodeState node_state(const NodeRow& node, WallTime now, milliseconds silent_after) {
  if (now - node.last_seen < silent_after) return NodeState::kLive;
  return now < node.serve_until ? NodeState::kSilent : NodeState::kExpired;
}

std::vector<std::string> nodes_before(std::span<const NodeRow> nodes, zone::Revision revision, WallTime now,
                                      SilentNodes silent, milliseconds silent_after) {
  std::vector<std::string> names;
  for (const NodeRow& node : nodes) {
    if (node.applied >= revision) continue;
    const NodeState state = node_state(node, now, silent_after);
    if (state == NodeState::kLive || (state == NodeState::kSilent && silent == SilentNodes::kWaitFor))
      names.push_back(node.name);
  }
  return names;
}

Result<std::vector<NodeRow>> SqlTransaction::nodes() { return read_nodes(db_); }

Result<void> SqlTransaction::forget_node(const std::string& name) {
  if (auto ready = require_edit(); !ready) return ready;
  return delete_node(db_, name);
}

}  // namespace sdns::store
