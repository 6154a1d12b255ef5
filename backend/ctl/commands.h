// SPDX-License-Identifier: MIT
// The command groups of sdnsctl. Each function adds its commands to a CLI11 application; the one that the command line
// names leaves its action in `chosen`.
#pragma once

#include <functional>

#include "backend/ctl/session.h"

namespace CLI {
class App;
}

namespace sdns::ctl {

/// The exit code.
using Action = std::function<Result<int>(Session&)>;

void add_zone_commands(CLI::App& zone, Action& chosen);          ///< list, show, export, delete, serial-policy
void add_import_commands(CLI::App& zone, Action& chosen);        ///< import
void add_compare_commands(CLI::App& zone, Action& chosen);       ///< diff, check
void add_signing_commands(CLI::App& zone, Action& chosen);       ///< secure, unsecure, nsec, nsec3
void add_key_commands(CLI::App& zone, Action& chosen);           ///< keys, ds, import-key
void add_key_file_commands(CLI::App& zone, Action& chosen);      ///< import-keys
void add_transfer_commands(CLI::App& zone, Action& chosen);      ///< create-secondary, set-kind
void add_transfer_status(CLI::App& zone, Action& chosen);        ///< transfer-status
void add_record_commands(CLI::App& record, Action& chosen);      ///< list, set, add, delete
void add_metadata_commands(CLI::App& meta, Action& chosen);      ///< list, get, set, clear
void add_database_commands(CLI::App& database, Action& chosen);  ///< init, info
void add_seal_commands(CLI::App& keys, Action& chosen);          ///< generate, status, seal, unseal
void add_tsig_commands(CLI::App& tsig, Action& chosen);          ///< add, list, show, remove, allow
void add_autoprimary_commands(CLI::App& group, Action& chosen);  ///< add, list, remove
void add_pool_commands(CLI::App& pool, Action& chosen);          ///< list, show, delete, import
void add_pool_edit_commands(CLI::App& pool, Action& chosen);     ///< set, add-member, set-member, remove-member
void add_pool_check_commands(CLI::App& pool, Action& chosen);    ///< add-check, set-check, remove-check
void add_health_commands(CLI::App& group, Action& chosen);       ///< list, force, release, overrides
void add_health_view_commands(CLI::App& group, Action& chosen);  ///< show, history, watch
void add_node_commands(CLI::App& group, Action& chosen);         ///< list, show, forget
void add_lua_commands(CLI::App& group, Action& chosen);          ///< check
void add_registrar_commands(CLI::App& group, Action& chosen);    ///< list, validate, task, ns, ds, host
void add_pdm_commands(CLI::App& group, Action& chosen);          ///< list, tasks, token
void add_audit_commands(CLI::App& group, Action& chosen);        ///< verify
void add_explain_command(CLI::App& app, Action& chosen);
void add_status_command(CLI::App& app, Action& chosen);

}  // namespace sdns::ctl
